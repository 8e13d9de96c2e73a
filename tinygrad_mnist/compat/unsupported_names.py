"""The table of unsupported PyTorch names, each with what to use instead.

It is read when a name is missing, and by the tests, which compare it with PyTorch's own.
"""

from __future__ import annotations

from typing import NamedTuple

from tinygrad_mnist.compat.unsupported import METHODS

_COMPLEX = "there are no complex numbers; compute with real and imaginary parts, or with NumPy"
_DENSE = "tensors are dense; index_add_ and scatter_add_ add by index, scipy.sparse multiplies"
_PROGRAM = "compile makes a NumPy program, which has no such setting: leave it out"
_PLAIN = "models run as they are: leave it out"
_COLLECTIVES = (
    "processes share gradients by nn.parallel.DistributedDataParallel, and numbers by "
    "distributed.all_reduce, broadcast and all_gather"
)
_EIGHT = "round by hand: (x / scale).round().clamp(-128, 127).to(int8)"
_GPU = "there is no GPU here; ask cuda.is_available() first, and compute on the CPU"
_FFT = "there are no complex numbers; use numpy.fft on x.numpy(), without gradient"
_CPROFILE = "use cProfile: an operation is a Python function here"
_SAVE = "models are saved as state_dict(), with save or safetensors.save_file"
_DOWNLOAD = "download the weights yourself, and read them with safetensors.load_file"


class Stands(NamedTuple):
    """An unsupported module that can be imported all the same."""

    reason: str
    names: str = "*"
    """The names for which there are stand-ins; ``*`` for any."""
    no: str = ""
    """Functions that answer False."""
    same: str = ""
    """Decorators, and functions of functions, that return what they are given."""
    none: str = ""
    """Functions that do nothing."""

    def has(self, name: str) -> bool:
        """Return whether there is a stand-in for a name."""
        return name in self.names.split() if self.names != "*" else not name.startswith("_")


MODULES = {
    "": Stands("it never comes", names="OutOfMemoryError AcceleratorError"),
    "distributed": Stands(
        _COLLECTIVES,
        names="""Backend DeviceMesh FileStore GradBucket GroupMember HashStore P2POp PrefixStore
        ProcessGroupGloo ProcessGroupNCCL Store TCPStore all_gather_coalesced all_reduce_coalesced
        all_to_all all_to_all_single batch_isend_irecv breakpoint gather_object get_global_rank
        get_group_rank get_process_group_ranks group init_device_mesh irecv isend
        monitored_barrier new_subgroups recv recv_object_list reduce_op reduce_scatter
        reduce_scatter_tensor scatter_object_list send send_object_list split_group""",
        no="""is_nccl_available is_mpi_available is_ucc_available is_xccl_available
        is_backend_available""",
    ),
    **dict.fromkeys(
        ("distributed.algorithms", "distributed.autograd", "distributed.checkpoint",
         "distributed.device_mesh", "distributed.distributed_c10d", "distributed.elastic",
         "distributed.fsdp", "distributed.launch", "distributed.nn", "distributed.optim",
         "distributed.pipelining", "distributed.rpc", "distributed.tensor", "distributed.utils",
         "nn.parallel.scatter_gather", "nn.parallel.comm"),
        Stands(_COLLECTIVES),
    ),
    "nn.parallel.distributed": Stands(_COLLECTIVES, names=""),
    "nn.parallel": Stands(
        "there is no GPU: use DistributedDataParallel, where each process has a part of the batch",
        names="comm gather parallel_apply replicate scatter",
    ),
    "nn.utils.parametrize": Stands(
        "register the parametrizations anew", names="transfer_parametrizations_and_params"
    ),
    "nn.utils.parametrizations": Stands("use torch.linalg.qr in forward", names="orthogonal"),
    "nn.utils.stateless": Stands("use torch.func.functional_call", "functional_call"),
    "hub": Stands(
        _DOWNLOAD,
        names="download_url_to_file get_dir help list load load_state_dict_from_url set_dir",
    ),
    "utils.model_zoo": Stands(_DOWNLOAD, names="load_url tqdm"),
    "autograd.profiler": Stands(
        _CPROFILE, names="profile emit_nvtx emit_itt EventList load_nvprof FunctionEvent"
    ),
    "utils.benchmark": Stands("use timeit: time does not depend on a device here"),
    "utils.bottleneck": Stands(_CPROFILE),
    "utils.flop_counter": Stands("count by hand: a product of (n, m) and (m, k) takes 2 n m k"),
    "utils.cpp_extension": Stands("operations are NumPy's; write one as an autograd.Function"),
    "utils.mobile_optimizer": Stands(_PLAIN),
    "onnx": Stands(
        _SAVE,
        names="""ExportableModule JitScalarType ONNXProgram OnnxExporterError OperatorExportTypes
        TensorProtoDataType TrainingMode export register_custom_op_symbolic
        unregister_custom_op_symbolic dynamo_export select_model_mode_for_export""",
        no="is_in_onnx_export",
    ),
    **dict.fromkeys(("onnx.symbolic_helper", "onnx.utils", "onnx.operators"), Stands(_SAVE)),
    "fx": Stands("autograd's graph is at tensor.grad_fn", same="wrap"),
    **dict.fromkeys(
        ("fx.experimental", "fx.node", "fx.passes", "fx.proxy", "fx.graph_module"),
        Stands("autograd's graph is at tensor.grad_fn"),
    ),
    "export": Stands(_SAVE),
    "package": Stands(_SAVE),
    "compiler": Stands(
        _PROGRAM,
        names="""wrap_numpy load_compiled_function save_cache_artifacts load_cache_artifacts
        set_enable_guard_collectives keep_portable_guards_unsafe keep_tensor_guards_unsafe
        skip_guard_on_inbuilt_nn_modules_unsafe skip_guard_on_all_nn_modules_unsafe
        skip_guard_on_globals_unsafe skip_all_guards_unsafe""",
    ),
    "_dynamo": Stands(
        _PROGRAM,
        same="disallow_in_graph run",
        none="graph_break mark_dynamic mark_static",
    ),
    **dict.fromkeys(
        ("compiler.config", "_dynamo.config", "_inductor", "_inductor.config"),
        Stands(_PROGRAM, names=""),
    ),
    "sparse": Stands(
        _DENSE,
        names="""FloatTensor DoubleTensor HalfTensor LongTensor IntTensor addmm mm sum softmax
        log_softmax spdiags spsolve sampled_addmm to_sparse_semi_structured
        check_sparse_tensor_invariants SparseSemiStructuredTensor""",
    ),
    "nested": Stands(
        "pad with nn.utils.rnn.pad_sequence, and pass masks",
        names="nested_tensor as_nested_tensor nested_tensor_from_jagged to_padded_tensor",
    ),
    "masked": Stands("multiply by the mask, or use where"),
    "quantization": Stands(_EIGHT),
    "ao": Stands(_EIGHT),
    **dict.fromkeys(
        ("ao.quantization", "ao.nn", "ao.ns", "ao.pruning", "nn.quantized", "nn.qat",
         "nn.intrinsic", "nn.quantizable", "quantization.qconfig", "quantization.observer"),
        Stands(_EIGHT),
    ),
    "monitor": Stands("print, or use viz"),
    "futures": Stands("use concurrent.futures", names="Future collect_all wait_all"),
    "library": Stands("write an operation as an autograd.Function"),
    "mps": Stands(
        _GPU, names="Event Tensor profiler", no="is_available",
        none="empty_cache manual_seed seed synchronize",
    ),
    "xpu": Stands(_GPU, no="is_available is_initialized is_bf16_supported",
                  none="empty_cache manual_seed manual_seed_all"),
    "mtia": Stands(_GPU, no="is_available is_initialized"),
    "cpu.amp": Stands("compute in float32: there is no bfloat16"),
    "cuda.nvtx": Stands(_CPROFILE),
    "cuda.comm": Stands(_GPU),
    "cuda.memory": Stands(_GPU),
    "cuda.random": Stands(_GPU),
    "cuda": Stands(
        _GPU,
        names="""AcceleratorError OutOfMemoryError BFloat16Tensor BoolTensor
        ByteTensor CUDAGraph CharTensor DoubleTensor Event
        ExternalStream FloatTensor HalfTensor IntTensor LongTensor MemPool ShortTensor Stream
        StreamContext current_blas_handle current_device current_stream default_stream device
        device_of get_device_capability get_device_name get_device_properties graph
        graph_pool_handle init make_graphed_callables mem_get_info memory_snapshot memory_stats
        memory_summary set_device set_per_process_memory_fraction set_stream stream synchronize
        utilization get_rng_state set_rng_state reset_peak_memory_stats reset_max_memory_allocated
        reset_max_memory_cached reset_accumulated_memory_stats""",
    ),
    "types": Stands(
        "it is for annotations; Tensor, dtype and device are types",
        names="Device Storage _size _int _float _bool _dtype _device _TensorOrTensors",
    ),
    "profiler": Stands(
        _CPROFILE,
        names="""DeviceType ExecutionTraceObserver ProfilerAction ProfilerActivity RecordScope itt
        profile schedule supported_activities tensorboard_trace_handler""",
    ),
    "jit": Stands(
        f"there is no TorchScript; {_SAVE}",
        names="""Attribute CompilationUnit Error Future RecursiveScriptModule ScriptFunction
        ScriptModule ScriptWarning TopLevelTracedModule TracedModule TracerWarning
        TracingCheckError enable_onednn_fusion fuser interface last_executed_optimized_graph load
        onednn_fusion_enabled optimized_execution save set_fusion_strategy strict_fusion
        trace_module""",
    ),
    "fft": Stands(
        _FFT,
        names="""fft fft2 fftn hfft hfft2 hfftn ifft ifft2 ifftn ihfft ihfft2 ihfftn irfft irfft2
        irfftn rfft rfft2 rfftn""",
    ),
    "multiprocessing": Stands(
        "use Python's multiprocessing.Process; a tensor that is sent is copied, not shared",
        names="""ProcessContext ProcessExitedException ProcessRaisedException SpawnContext
        init_reductions reductions spawn start_processes""",
    ),
    "accelerator": Stands(
        _GPU,
        names="""current_device_idx current_device_index current_stream device_index
        get_device_capability get_memory_info max_memory_allocated memory_allocated memory_stats
        set_device_idx set_device_index set_stream synchronize empty_cache""",
    ),
    "cpu": Stands(_GPU, names="Stream StreamContext current_stream set_device stream"),
    "overrides": Stands(
        "subclass Tensor, or wrap it: there is no __torch_function__",
        no="has_torch_function has_torch_function_unary has_torch_function_variadic",
    ),
    "utils.hooks": Stands("hooks return handles with remove()"),
    "utils._python_dispatch": Stands("there is no __torch_dispatch__"),
    "backends.mkl": Stands("NumPy's BLAS is used", names="verbose", no="is_available"),
    "backends.mkldnn": Stands(
        "NumPy's BLAS is used", names="verbose flags set_flags", no="is_available"
    ),
    "backends.openmp": Stands(
        "set_num_threads says on how many cores", names="", no="is_available"
    ),
    "backends.nnpack": Stands("NumPy's BLAS is used", names="flags set_flags", no="is_available"),
    "backends.mha": Stands(
        "attention is computed in one way", names="", no="get_fastpath_enabled",
        none="set_fastpath_enabled",
    ),
    "backends.opt_einsum": Stands("einsum goes from left to right", names="", no="is_available"),
    "backends.quantized": Stands(_EIGHT, names=""),
    "backends.cusparselt": Stands(_DENSE, names="", no="is_available"),
    "backends.miopen": Stands(_GPU, names="", no="is_available"),
}  # fmt: skip
"""Modules that scripts import and don't use on one machine, and the stand-ins in modules that are
offered in part."""

_SHARED = {
    _DENSE: """sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor
    sparse_bsc_tensor sparse_compressed_tensor smm hspmm spmm dsmm hsmm sspaddmm saddmm
    Tensor.to_sparse Tensor.to_sparse_coo Tensor.to_sparse_csr Tensor.to_sparse_csc
    Tensor.to_sparse_bsr Tensor.to_sparse_bsc Tensor.coalesce Tensor.indices Tensor.values
    Tensor.sparse_mask Tensor.crow_indices Tensor.col_indices Tensor.sparse_dim Tensor.dense_dim
    Tensor.is_coalesced""",
    "use scipy.signal.stft on x.numpy(), without gradient": "stft Tensor.stft",
    _COMPLEX: """complex polar view_as_complex view_as_real imag complex32 chalf Tensor.imag
    Tensor.cfloat Tensor.cdouble Tensor.chalf""",
    "use linalg.solve, linalg.det or linalg.cholesky; or scipy.linalg.lu": "lu linalg.lu Tensor.lu",
    "use linalg.solve": "lu_solve solve linalg.lu_factor linalg.lu_solve",
    "use linalg.eigh": "symeig lobpcg",
    "x.numpy() is the memory": """UntypedStorage TypedStorage FloatStorage storage
    Tensor.storage Tensor.untyped_storage Tensor.set_""",
    _EIGHT: """fake_quantize_per_tensor_affine quantize_per_tensor quantize_per_channel
    dequantize qint8 quint8 qint32 Tensor.dequantize Tensor.int_repr Tensor.q_scale
    Tensor.q_zero_point""",
    "use float16 or float32": "float8_e4m3fn float8_e5m2",
    _PLAIN: "func.functionalize nn.utils.fuse_conv_bn_eval nn.utils.fuse_linear_bn_eval",
    "its samples aren't PyTorch's here: draw with numpy.random, and write log_prob with lgamma":
        """distributions.Gamma distributions.Beta distributions.Dirichlet distributions.StudentT
        distributions.Chi2 distributions.Poisson distributions.Binomial""",
    "use AdamW": "optim.Muon optim.Adafactor",
    _GPU: """Module.xpu Module.ipu Module.mtia Tensor.xpu Tensor.ipu Tensor.mtia
    Tensor.record_stream""",
    "tensors have no names; use a dict of dimensions": """Tensor.names Tensor.refine_names
    Tensor.rename""",
}  # fmt: skip
"""Alternatives that serve for several names."""

HINTS = {
    **{name: hint for hint, names in _SHARED.items() for name in names.split()},
    "istft": "use scipy.signal.istft on x.numpy(), without gradient",
    "lu_unpack": "use scipy.linalg.lu", "lstsq": "use linalg.lstsq", "eig": "use numpy.linalg.eig",
    "matrix_rank": "use linalg.matrix_rank", "triangular_solve": "use linalg.solve_triangular",
    "nuclear_norm": "use linalg.matrix_norm(x, 'nuc')", "frobenius_norm": "use linalg.matrix_norm",
    "norm_except_dim": "use norm over the other dimensions",
    "set_num_interop_threads": "operations run one after the other; use set_num_threads",
    "get_num_interop_threads": "operations run one after the other; use get_num_threads",
    "uint16": "use int32: dtypes are those of PyTorch's that NumPy's arithmetic has",
    "uint32": "use int64", "uint64": "use int64, or NumPy",
    "BFloat16Tensor": "use FloatTensor: NumPy has no bfloat16",
    "svd_lowrank": "use linalg.svd, and cut", "pca_lowrank": "use linalg.svd of x - x.mean(0)",
    "cond": "use Python's if: functions run as they are",
    "while_loop": "use Python's while: functions run as they are",
    "from_file": "use numpy.memmap and from_numpy",
    "igamma": "use scipy.special.gammainc on x.numpy(), without gradient",
    "igammac": "use scipy.special.gammaincc on x.numpy(), without gradient",
    "nn.AdaptiveLogSoftmaxWithLoss": "use CrossEntropyLoss over all classes",
    "nn.FractionalMaxPool2d": "use MaxPool2d or AdaptiveMaxPool2d",
    "nn.functional.multi_head_attention_forward": "use nn.MultiheadAttention, or "
    "scaled_dot_product_attention",
    "nn.utils.convert_conv2d_weight_memory_format": "leave it out: convolutions choose their order",
    "nn.utils.skip_init": "make the layer, and overwrite its parameters",
    "optim.SparseAdam": "gradients are dense: use Adam",
    "utils.tensorboard": "tensorboardX has a SummaryWriter of its own; viz draws curves",
    "utils.data.datapipes": "use Dataset or IterableDataset",
    "utils.data.IterDataPipe": "use IterableDataset", "utils.data.MapDataPipe": "use Dataset",
    "autograd.forward_ad": "use func.jvp",
    "linalg.eig": "use numpy.linalg.eig on x.numpy(): its values are complex",
    "linalg.eigvals": "use numpy.linalg.eigvals on x.numpy(): its values are complex",
    "Tensor.share_memory_": "a tensor that is sent to another process is copied; use "
    "multiprocessing.shared_memory and from_numpy", "Tensor.to_mkldnn": "leave it out",
    "Tensor.pin_memory": "there is no GPU that would read it; leave it out",
    "Tensor.log_normal_": "use normal_().exp_()",
    "Tensor.align_to": "tensors have no names; use permute",
}  # fmt: skip
"""Alternatives to well-known unsupported names."""


NAMES = {
    "Tensor": METHODS,
    "": """AVG AggregationType AliasDb AnyType Argument ArgumentSpec AwaitType BFloat16Storage
    BenchmarkConfig BenchmarkExecutionStats Block BoolStorage BoolType BufferDict ByteStorage
    CallStack Capsule CharStorage ClassType Code CompilationUnit CompleteArgumentSpec
    ComplexDoubleStorage ComplexFloatStorage ComplexType ConcreteModuleType
    ConcreteModuleTypeBuilder DeepCopyMemoTable DeserializationStorageContext DeviceObjType DictType
    DisableTorchFunction DisableTorchFunctionSubclass DispatchKey DispatchKeySet DoubleStorage
    EnumType ErrorReport Event ExcludeDispatchKeyGuard ExecutionPlan FatalError FileCheck FloatType
    FunctionSchema Future FutureType Gradient Graph GraphExecutorState HalfStorage IODescriptor
    InferredType IntStorage IntType InterfaceType JITException ListType LiteScriptModule
    LockingLogger LoggerBase LongStorage ModuleDict Node NoneType NoopLogger NumberType OperatorInfo
    OptionalType PRIVATE_OPS ParameterDict PyObjectType PyTorchFileReader PyTorchFileWriter
    QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage QUInt8Storage RRefType SUM
    ScriptClass ScriptClassFunction ScriptDict ScriptDictIterator ScriptDictKeyIterator
    ScriptFunction ScriptList ScriptListIterator ScriptMethod ScriptModule ScriptModuleSerializer
    ScriptObject ScriptObjectProperty SerializationStorageContext ShortStorage StaticModule Storage
    StorageBase Stream StreamObjType StringType SymBool SymBoolType SymFloat SymInt SymIntType Tag
    TensorType ThroughputBenchmark TracingState TupleType Type USE_GLOBAL_DEPS
    USE_RTLD_GLOBAL_WITH_LIBTORCH UnionType Use Value adaptive_max_pool1d affine_grid_generator
    alias_copy alpha_dropout_ as_strided_ as_strided_copy as_strided_scatter
    autocast_decrement_nesting autocast_increment_nesting batch_norm batch_norm_backward_elemt
    batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats
    batch_norm_gather_stats_with_counts batch_norm_stats batch_norm_update_stats binomial bit bits16
    bits1x8 bits2x4 bits4x2 bits8 ccol_indices_copy choose_qparams_optimized classes classproperty
    clear_autocast_cache col_indices_copy combinations compiled_with_cxx11_abi constant_pad_nd
    conv_tbc convolution cosine_embedding_loss cpp crow_indices_copy ctc_loss
    cudnn_affine_grid_generator cudnn_batch_norm cudnn_convolution cudnn_convolution_add_relu
    cudnn_convolution_relu cudnn_convolution_transpose cudnn_grid_sampler cudnn_is_acceptable detach
    detach_copy diagonal_copy dropout_ embedding_bag embedding_renorm_ empty_permuted
    empty_quantized empty_strided expand_copy fake_quantize_per_channel_affine
    fbgemm_linear_fp16_weight fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
    fbgemm_linear_int8_weight_fp32_activation fbgemm_linear_quantize_weight
    fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix feature_alpha_dropout_ feature_dropout
    feature_dropout_ float4_e2m1fn_x2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu fork frexp
    functional fused_moving_avg_obs_fake_quant geqrf get_autocast_cpu_dtype get_autocast_dtype
    get_autocast_gpu_dtype get_autocast_ipu_dtype get_autocast_xla_dtype
    get_deterministic_debug_mode get_device get_device_module get_file_path gradient grid_sampler
    grid_sampler_2d grid_sampler_3d gru gru_cell has_lapack has_mkl has_openmp has_spectral
    hash_tensor hinge_embedding_loss i0 i0_ import_ir_module import_ir_module_from_buffer
    index_reduce indices_copy init_num_threads instance_norm int1 int2 int3 int4 int5 int6 int7
    int_repr is_anomaly_check_nan_enabled is_autocast_cache_enabled is_autocast_ipu_enabled
    is_autocast_xla_enabled is_deterministic_algorithms_warn_only_enabled is_signed
    is_vulkan_available is_warn_always_enabled jagged kl_div legacy_contiguous_format lstm lstm_cell
    margin_ranking_loss max_pool1d_with_indices merge_type_from_type_comment miopen_batch_norm
    miopen_convolution miopen_convolution_add_relu miopen_convolution_relu
    miopen_convolution_transpose miopen_ctc_loss miopen_depthwise_convolution miopen_rnn
    mkldnn_adaptive_avg_pool2d mkldnn_convolution mkldnn_linear_backward_weights mkldnn_max_pool2d
    mkldnn_max_pool3d mkldnn_rnn_layer native_batch_norm native_channel_shuffle native_dropout
    native_group_norm native_layer_norm native_norm nonzero_static orgqr ormqr parse_ir parse_schema
    parse_type_comment per_channel_affine per_channel_affine_float_qparams per_channel_symmetric
    per_tensor_affine per_tensor_symmetric permute_copy poisson poisson_nll_loss polygamma
    prepare_multiprocessing_environment profiler_allow_cudagraph_cupti_lazy_reinit_cuda12
    q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme
    quantize_per_tensor_dynamic quantized_batch_norm quantized_gru quantized_gru_cell quantized_lstm
    quantized_lstm_cell quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d
    quantized_rnn_relu_cell quantized_rnn_tanh_cell quasirandom quint2x4 quint4x2 resize_as_sparse_
    rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell row_indices_copy segment_reduce select_copy
    set_anomaly_enabled set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled
    set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype set_autocast_ipu_dtype
    set_autocast_ipu_enabled set_autocast_xla_dtype set_autocast_xla_enabled
    set_deterministic_debug_mode set_warn_always signal slice_copy slice_inverse sparse_bsc
    sparse_bsr sparse_coo sparse_csc sparse_csr split_copy split_with_sizes_copy squeeze_copy
    sym_constrain_range sym_constrain_range_for_size sym_float sym_fresh_size sym_int sym_ite
    sym_max sym_min sym_not sym_sqrt sym_sum t_copy thread_safe_generator to_dlpack torch_version
    transpose_copy triplet_margin_loss uint1 uint2 uint3 uint4 uint5 uint6 uint7 unbind_copy
    unfold_copy unify_type_list unsafe_chunk unsafe_split unsqueeze_copy values_copy
    view_as_complex_copy view_as_real_copy view_copy wait windows""",
    "nn": """Container CrossMapLRN2d FractionalMaxPool3d LinearCrossEntropyLoss
    LinearCrossEntropyOptions common_types factory_kwargs grad""",
    "nn.functional": """BroadcastingList1 BroadcastingList2 BroadcastingList3 DType
    GRID_SAMPLE_INTERPOLATION_MODES GRID_SAMPLE_PADDING_MODES ScalingType SwizzleType Tensor
    adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
    adaptive_max_pool3d_with_indices assert_int_or_pair boolean_dispatch conv_tbc
    fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d
    fractional_max_pool3d_with_indices grad grouped_mm handle_torch_function has_torch_function
    has_torch_function_unary has_torch_function_variadic linear_cross_entropy
    max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices native_channel_shuffle
    reproducibility_notes scaled_grouped_mm scaled_mm sparse_support_notes tf32_notes""",
    "nn.init": "sparse",
    "nn.utils": """clip_grad convert_conv3d_weight_memory_format convert_parameters
    fuse_conv_bn_weights fuse_linear_bn_weights fusion init memory_format prune""",
    "nn.utils.rnn": "PackedSequence_ bind copy_method_params invert_permutation",
    "optim": "swap_in_optimizer_params_and_state",
    "optim.lr_scheduler": "EPOCH_DEPRECATION_WARNING Optimizer Tensor inf",
    "utils": """ThroughputBenchmark backcompat backend_registration cmake_prefix_path collect_env
    cpp_backtrace deterministic generate_methods_for_privateuse1_backend get_cpp_backtrace
    rename_privateuse1_backend serialization set_module swap_tensors throughput_benchmark weak""",
    "utils.data": """DFIterDataPipe DataChunk argument_validation functional_datapipe graph
    graph_settings guaranteed_datapipes_determinism non_deterministic runtime_validation
    runtime_validation_disabled""",
    "linalg": """cholesky_ex common_notes householder_product inv_ex ldl_factor ldl_factor_ex
    ldl_solve lu_factor_ex solve_ex""",
    "special": """Tensor airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 chebyshev_polynomial_t
    chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w common_args erfcx gammainc
    gammaincc hermite_polynomial_h hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l
    legendre_polynomial_p log_ndtr modified_bessel_i0 modified_bessel_i1 modified_bessel_k0
    modified_bessel_k1 multi_dim_common polygamma scaled_modified_bessel_k0
    scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u
    shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w spherical_bessel_j0 zeta""",
    "autograd": """DeviceType NestedIOFunction ProfilerActivity ProfilerConfig ProfilerEvent
    ProfilerState SavedTensor anomaly_mode enforce_grad_layout_policy grad_mode
    handle_torch_function has_torch_function is_multithreading_enabled is_tensor_like
    is_view_replay_enabled kineto_available profiler_legacy profiler_util
    set_multithreading_enabled""",
    "func": "debug_unwrap rearrange replace_all_batch_norm_modules_",
    "distributions": """CatTransform Cauchy ContinuousBernoulli CorrCholeskyTransform
    CumulativeDistributionTransform ExponentialFamily FisherSnedecor GeneralizedPareto HalfCauchy
    IndependentTransform InverseGamma Kumaraswamy LKJCholesky LogisticNormal
    LowRankMultivariateNormal LowerCholeskyTransform Multinomial NegativeBinomial
    OneHotCategoricalStraightThrough PositiveDefiniteTransform RelaxedBernoulli
    RelaxedOneHotCategorical ReshapeTransform SoftmaxTransform StackTransform StickBreakingTransform
    VonMises Wishart beta biject_to binomial cauchy chi2 constraint_registry constraints
    continuous_bernoulli dirichlet exp_family fishersnedecor gamma generalized_pareto geometric
    gumbel half_cauchy half_normal identity_transform inverse_gamma kumaraswamy lkj_cholesky
    log_normal logistic_normal lowrank_multivariate_normal multinomial negative_binomial pareto
    poisson relaxed_bernoulli relaxed_categorical studentT transform_to transformed_distribution
    utils von_mises weibull wishart""",
    "random": "default_generator thread_safe_generator",
    "testing": "FileCheck assert_allclose make_tensor",
    "backends": "cpu kleidiai m python_native",
    "amp": "autocast_mode grad_scaler",
    "Module": "T_destination call_super_init dump_patches ipu mtia to_empty xpu",
}
"""Further unsupported public names of PyTorch, by module or class."""


LATE = {
    "": {
        "tensor.foreach": "_foreach_* *_",
        "tensor.histograms": "bincount histc histogram histogramdd",
        "tensor.rare": """copysign ldexp logaddexp2 gcd lcm nextafter angle conj conj_physical
        resolve_conj resolve_neg real isreal is_conj is_neg is_inference is_distributed
        fill rsub diagflat adjoint narrow_copy select_scatter slice_scatter diagonal_scatter put
        renorm trapezoid trapz cumulative_trapezoid vander matrix_exp mvlgamma
        logcumsumexp newaxis unravel_index""",
        "tensor.rare_creation": """hamming_window hann_window blackman_window bartlett_window
        kaiser_window asarray frombuffer scalar_tensor range""",
        "compat.settings": "is_autocast_enabled is_autocast_cpu_enabled set_flush_denormal",
        "amp": "GradScaler",
        "compiler": "compile",
        "autograd": "is_anomaly_enabled",
        "nn.functional": """adaptive_avg_pool1d avg_pool1d bilinear celu_ channel_shuffle conv3d
        conv_transpose1d hardshrink max_pool1d max_pool2d pixel_unshuffle selu_ threshold
        threshold_ conv_transpose3d max_pool3d rrelu_""",
        "nn.top_level": """alpha_dropout binary_cross_entropy_with_logits dropout
        embedding feature_alpha_dropout group_norm layer_norm rrelu""",
    },
    "nn": {
        "nn.lazy": """LazyLinear LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d
        LazyConvTranspose2d LazyConvTranspose3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
        LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d UninitializedParameter
        UninitializedBuffer"""
    },
    "nn.parallel": {"distributed.data_parallel": "DistributedDataParallel"},
    "nn.parallel.distributed": {"distributed.data_parallel": "DistributedDataParallel"},
    "_dynamo": {
        "compiler": """allow_in_graph assume_constant_result disable explain is_compiling
        list_backends reset set_stance"""
    },
    "linalg": {"tensor.rare": "matrix_exp"},
    "special": {"tensor.rare": "multigammaln entr ndtr ndtri xlog1py", "tensor": "round"},
    "amp": {"compat.settings": "is_autocast_available"},
}
"""Lazily imported names, and the modules that define them."""


def below(path: str) -> bool:
    """Return whether a path lies below a module whose names aren't listed."""
    while "." in path:
        path = path.rpartition(".")[0]
        if path in MODULES:
            return MODULES[path].names == "*"
    return False


def reason(path: str) -> str:
    """Return why a path isn't offered, and what to use instead."""
    while path:
        if path in MODULES:
            return MODULES[path].reason
        path = path.rpartition(".")[0]
    return "compute with what is, or with NumPy on x.numpy()"
