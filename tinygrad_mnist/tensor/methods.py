"""The methods of Tensor that are functions of the families, too.

They are made where the functions are defined (:mod:`~tinygrad_mnist.tensor.export`). The list is
for readers and for type checkers; a test compares it with what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compat.unsupported import METHODS as UNSUPPORTED
from tinygrad_mnist.compat.unsupported import missing
from tinygrad_mnist.tensor import (
    arithmetic,
    attributes,
    comparison,
    creation,
    elementwise,
    export,
    indexing,
    inplace,
    joining,
    matrices,
    products,
    random_functions,
    rearrangement,
    reduction,
    scattering,
    shape,
    sorting,
)

LATE = """
bincount histc histogram copysign ldexp logaddexp2 gcd lcm nextafter angle isreal diagflat conj
conj_physical resolve_conj resolve_neg real is_conj is_neg is_inference is_shared is_pinned
is_distributed adjoint narrow_copy select_scatter slice_scatter diagonal_scatter put renorm
matrix_exp mvlgamma logcumsumexp copysign_ ldexp_ nextafter_ gcd_ lcm_ conj_physical_ mvlgamma_ put_
renorm_
"""
"""Methods that few programs call; they are imported when one is asked for."""


class _Late:
    """Stands for a method until it is first asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        """Import the method, which takes this one's place, and return it."""
        from tinygrad_mnist.tensor import histograms as histograms
        from tinygrad_mnist.tensor import rare as rare

        method = export.METHODS[self.name]
        return method if instance is None else method.__get__(instance, owner)


if TYPE_CHECKING:
    from tinygrad_mnist.tensor import histograms, rare

    class Methods(TensorBase):
        """The functions as methods."""

        # Arithmetic

        add = arithmetic.add
        sub = subtract = arithmetic.sub
        mul = multiply = arithmetic.mul
        div = divide = true_divide = arithmetic.div
        pow = arithmetic.pow
        floor_divide = floor_divide_ = arithmetic.floor_divide
        remainder = remainder_ = arithmetic.remainder
        fmod = fmod_ = arithmetic.fmod
        float_power = float_power_ = arithmetic.float_power
        hypot = hypot_ = arithmetic.hypot
        neg = negative = neg_ = negative_ = arithmetic.neg
        abs = absolute = abs_ = absolute_ = arithmetic.abs
        sign = sign_ = arithmetic.sign
        sqrt = sqrt_ = arithmetic.sqrt
        rsqrt = rsqrt_ = arithmetic.rsqrt
        square = square_ = arithmetic.square
        reciprocal = reciprocal_ = arithmetic.reciprocal
        positive = arithmetic.positive
        sgn = sgn_ = arithmetic.sgn
        lerp = arithmetic.lerp
        addcmul = arithmetic.addcmul
        addcdiv = arithmetic.addcdiv

        # Functions of each element

        exp = exp_ = elementwise.exp
        exp2 = exp2_ = elementwise.exp2
        expm1 = expm1_ = elementwise.expm1
        log = log_ = elementwise.log
        log2 = log2_ = elementwise.log2
        log10 = log10_ = elementwise.log10
        log1p = log1p_ = elementwise.log1p
        sigmoid = sigmoid_ = elementwise.sigmoid
        relu = relu_ = elementwise.relu
        logaddexp = elementwise.logaddexp
        logit = logit_ = elementwise.logit
        xlogy = xlogy_ = elementwise.xlogy
        sin = sin_ = elementwise.sin
        cos = cos_ = elementwise.cos
        tan = tan_ = elementwise.tan
        asin = arcsin = asin_ = arcsin_ = elementwise.asin
        acos = arccos = acos_ = arccos_ = elementwise.acos
        atan = arctan = atan_ = arctan_ = elementwise.atan
        sinh = sinh_ = elementwise.sinh
        cosh = cosh_ = elementwise.cosh
        tanh = tanh_ = elementwise.tanh
        asinh = arcsinh = asinh_ = arcsinh_ = elementwise.asinh
        acosh = arccosh = acosh_ = arccosh_ = elementwise.acosh
        atanh = arctanh = atanh_ = arctanh_ = elementwise.atanh
        sinc = sinc_ = elementwise.sinc
        atan2 = arctan2 = atan2_ = arctan2_ = elementwise.atan2
        deg2rad = deg2rad_ = elementwise.deg2rad
        rad2deg = rad2deg_ = elementwise.rad2deg
        erf = erf_ = elementwise.erf
        erfc = erfc_ = elementwise.erfc
        erfinv = erfinv_ = elementwise.erfinv
        lgamma = lgamma_ = elementwise.lgamma
        digamma = digamma_ = elementwise.digamma
        floor = floor_ = elementwise.floor
        ceil = ceil_ = elementwise.ceil
        trunc = fix = trunc_ = fix_ = elementwise.trunc
        round = round_ = elementwise.round
        frac = frac_ = elementwise.frac
        clamp = clip = elementwise.clamp
        clamp_min = clamp_min_ = elementwise.clamp_min
        clamp_max = clamp_max_ = elementwise.clamp_max
        nan_to_num = nan_to_num_ = elementwise.nan_to_num
        heaviside = heaviside_ = elementwise.heaviside

        # Comparisons, logic, choices

        eq = eq_ = comparison.eq
        ne = not_equal = ne_ = not_equal_ = comparison.ne
        lt = less = lt_ = less_ = comparison.lt
        le = less_equal = le_ = less_equal_ = comparison.le
        gt = greater = gt_ = greater_ = comparison.gt
        ge = greater_equal = ge_ = greater_equal_ = comparison.ge
        maximum = comparison.maximum
        minimum = comparison.minimum
        fmax = comparison.fmax
        fmin = comparison.fmin
        isclose = comparison.isclose
        allclose = comparison.allclose
        equal = comparison.equal
        isnan = comparison.isnan
        isinf = comparison.isinf
        isfinite = comparison.isfinite
        signbit = comparison.signbit
        isposinf = comparison.isposinf
        isneginf = comparison.isneginf
        is_nonzero = comparison.is_nonzero
        logical_not = logical_not_ = comparison.logical_not
        bitwise_not = bitwise_not_ = comparison.bitwise_not
        logical_and = logical_and_ = comparison.logical_and
        logical_or = logical_or_ = comparison.logical_or
        logical_xor = logical_xor_ = comparison.logical_xor
        bitwise_and = bitwise_and_ = comparison.bitwise_and
        bitwise_or = bitwise_or_ = comparison.bitwise_or
        bitwise_xor = bitwise_xor_ = comparison.bitwise_xor
        bitwise_left_shift = bitwise_left_shift_ = comparison.bitwise_left_shift
        bitwise_right_shift = bitwise_right_shift_ = comparison.bitwise_right_shift
        masked_fill = comparison.masked_fill
        masked_fill_ = comparison._masked_fill_

        # Attributes

        numel = attributes.numel
        is_floating_point = attributes.is_floating_point
        is_same_size = attributes.is_same_size
        is_complex = attributes.is_complex

        # Reductions

        sum = reduction.sum
        mean = reduction.mean
        prod = reduction.prod
        var = reduction.var
        std = reduction.std
        norm = reduction.norm
        logsumexp = reduction.logsumexp
        cumsum = cumsum_ = reduction.cumsum
        amax = reduction.amax
        amin = reduction.amin
        max = reduction.max
        min = reduction.min
        argmax = reduction.argmax
        argmin = reduction.argmin
        any = reduction.any
        all = reduction.all
        softmax = reduction.softmax
        log_softmax = reduction.log_softmax
        aminmax = reduction.aminmax
        count_nonzero = reduction.count_nonzero
        cumprod = cumprod_ = reduction.cumprod
        nansum = reduction.nansum
        nanmean = reduction.nanmean
        diff = reduction.diff
        dist = reduction.dist

        # Order

        sort = sorting.sort
        argsort = sorting.argsort
        msort = sorting.msort
        topk = sorting.topk
        kthvalue = sorting.kthvalue
        median = sorting.median
        nanmedian = sorting.nanmedian
        mode = sorting.mode
        cummax = sorting.cummax
        cummin = sorting.cummin
        quantile = sorting.quantile
        nanquantile = sorting.nanquantile
        unique = sorting.unique
        unique_consecutive = sorting.unique_consecutive

        # Shapes

        clone = shape.clone
        contiguous = shape._contiguous
        reshape = shape.reshape
        view = shape._view
        view_as = shape._view_as
        reshape_as = shape._reshape_as
        flatten = shape.flatten
        ravel = shape.ravel
        unflatten = shape.unflatten
        squeeze = squeeze_ = shape.squeeze
        unsqueeze = unsqueeze_ = shape.unsqueeze
        transpose = swapaxes = swapdims = transpose_ = swapaxes_ = swapdims_ = shape.transpose
        permute = shape.permute
        movedim = moveaxis = shape.movedim
        t = t_ = shape.t
        expand = shape._expand
        expand_as = shape._expand_as
        broadcast_to = shape.broadcast_to
        unfold = shape._unfold
        as_strided = shape.as_strided
        storage_offset = shape._storage_offset
        sum_to_size = shape._sum_to_size
        as_subclass = shape._as_subclass

        # Elements in other places

        repeat = rearrangement._repeat
        tile = rearrangement.tile
        flip = rearrangement.flip
        roll = rearrangement.roll
        tril = tril_ = rearrangement.tril
        triu = triu_ = rearrangement.triu
        diagonal = rearrangement.diagonal
        diag_embed = rearrangement.diag_embed
        diag = rearrangement.diag
        repeat_interleave = rearrangement.repeat_interleave
        rot90 = rearrangement.rot90
        fliplr = rearrangement.fliplr
        flipud = rearrangement.flipud

        # Splitting

        unbind = joining.unbind
        split = joining.split
        chunk = joining.chunk
        unsafe_split = joining._unsafe_split
        unsafe_chunk = joining._unsafe_chunk
        split_with_sizes = unsafe_split_with_sizes = joining.split_with_sizes
        tensor_split = joining.tensor_split
        hsplit = joining.hsplit
        vsplit = joining.vsplit
        dsplit = joining.dsplit

        # Choosing elements

        gather = indexing.gather
        scatter_add = scatter_add_ = scattering.scatter_add
        index_select = indexing.index_select
        masked_select = indexing.masked_select
        narrow = indexing.narrow
        select = indexing.select
        nonzero = argwhere = indexing.nonzero

        # Writing elements into copies

        scatter = scatter_ = scattering.scatter
        scatter_reduce = scatter_reduce_ = scattering.scatter_reduce
        index_add = index_add_ = scattering.index_add
        index_copy = index_copy_ = scattering.index_copy
        index_fill = index_fill_ = scattering.index_fill
        index_put = index_put_ = scattering.index_put
        masked_scatter = masked_scatter_ = scattering.masked_scatter
        take = indexing.take
        take_along_dim = indexing.take_along_dim

        # Products of matrices

        matmul = products.matmul
        mm = products.mm
        bmm = products.bmm
        mv = products.mv
        dot = products.dot
        vdot = products.vdot
        inner = products.inner
        outer = ger = products.outer
        addmm = addmm_ = products.addmm
        addmv = addmv_ = products.addmv
        addr = addr_ = products.addr
        baddbmm = baddbmm_ = products.baddbmm
        addbmm = addbmm_ = products.addbmm
        trace = products.trace
        kron = products.kron
        cross = products.cross
        cov = products.cov
        corrcoef = products.corrcoef

        # Inverses and factors of matrices

        inverse = matrices.inverse
        pinverse = matrices.pinverse
        det = matrices.det
        slogdet = matrices.slogdet
        logdet = matrices.logdet
        cholesky = matrices.cholesky
        cholesky_solve = matrices.cholesky_solve
        cholesky_inverse = matrices.cholesky_inverse
        qr = matrices.qr
        svd = matrices.svd
        matrix_power = matrices.matrix_power

        # Writing into the tensor

        add_ = inplace._add_
        sub_ = subtract_ = inplace._sub_
        mul_ = multiply_ = inplace._mul_
        div_ = divide_ = true_divide_ = inplace._div_
        pow_ = inplace._pow_
        lerp_ = inplace._lerp_
        addcmul_ = inplace._addcmul_
        addcdiv_ = inplace._addcdiv_
        clamp_ = clip_ = inplace._clamp_
        zero_ = inplace._zero_
        fill_ = inplace._fill_
        copy_ = inplace._copy_
        apply_ = inplace._apply_
        fill_diagonal_ = inplace._fill_diagonal_
        map_ = inplace._map_

        # Random numbers

        normal_ = random_functions._normal_
        bernoulli = random_functions.bernoulli
        bernoulli_ = random_functions._bernoulli_
        multinomial = random_functions.multinomial
        exponential_ = random_functions._exponential_
        uniform_ = random_functions._uniform_
        random_ = random_functions._random_
        geometric_ = random_functions._geometric_
        cauchy_ = random_functions._cauchy_

        # New tensors like this one

        new_tensor = creation._new_tensor
        new = creation._new
        new_empty = creation._new_empty
        new_zeros = creation._new_zeros
        new_ones = creation._new_ones
        resize_ = shape._resize_
        resize_as_ = shape._resize_as_
        new_full = creation._new_full

        # Rare

        copysign = copysign_ = rare.copysign
        ldexp = ldexp_ = rare.ldexp
        logaddexp2 = rare.logaddexp2
        gcd = gcd_ = rare.gcd
        lcm = lcm_ = rare.lcm
        nextafter = nextafter_ = rare.nextafter
        angle = rare.angle
        conj = resolve_conj = resolve_neg = real = rare.conj
        isreal = rare.isreal
        is_conj = rare.is_conj
        is_neg = rare.is_neg
        is_inference = rare.is_inference
        is_shared = rare.is_shared
        is_pinned = rare.is_pinned
        is_distributed = rare.is_distributed
        conj_physical = conj_physical_ = rare.conj_physical
        diagflat = rare.diagflat
        adjoint = rare.adjoint
        narrow_copy = rare.narrow_copy
        select_scatter = rare.select_scatter
        slice_scatter = rare.slice_scatter
        diagonal_scatter = rare.diagonal_scatter
        put = put_ = rare.put
        renorm = renorm_ = rare.renorm
        matrix_exp = rare.matrix_exp
        mvlgamma = mvlgamma_ = rare.mvlgamma
        logcumsumexp = rare.logcumsumexp

        # Histograms

        bincount = histograms.bincount
        histc = histograms.histc
        histogram = histograms.histogram

    class Unsupported:
        """The methods of PyTorch's Tensor that are not offered."""

else:
    late = {name: _Late() for name in LATE.split()}
    Methods = type("Methods", (TensorBase,), late | export.METHODS)
    Unsupported = missing("Tensor", UNSUPPORTED)
