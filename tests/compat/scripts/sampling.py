"""Ways to sample a token: temperature, top-k, nucleus, Gumbel noise, beam search."""

import torch
import torch.nn.functional as F


def top_k_filter(logits, k):
    values, _ = torch.topk(logits, k, dim=-1)
    return logits.masked_fill(logits < values[..., -1:], float("-inf"))


def nucleus_filter(logits, p):
    sorted_logits, indices = torch.sort(logits, descending=True, dim=-1)
    cumulative = torch.cumsum(F.softmax(sorted_logits, dim=-1), dim=-1)
    remove = cumulative > p
    remove[..., 1:] = remove[..., :-1].clone()
    remove[..., 0] = False
    mask = torch.zeros_like(remove).scatter(-1, indices, remove)
    return logits.masked_fill(mask, float("-inf"))


def main():
    torch.manual_seed(7)
    transition = torch.randn(12, 12)
    results = []
    for temperature in (0.5, 1.0, 2.0):
        token, logp = torch.tensor([0, 1, 2, 3]), torch.zeros(4)
        for step in range(10):
            logits = transition[token] / temperature
            if step % 3 == 1:
                logits = top_k_filter(logits, 4)
            elif step % 3 == 2:
                logits = nucleus_filter(logits, 0.8)
            probs = F.softmax(logits, dim=-1)
            token = torch.multinomial(probs, 1).squeeze(1)
            logp += probs.gather(1, token[:, None]).squeeze(1).log()
            results += token.float().tolist()
        results += logp.tolist()

    noise = -torch.log(-torch.log(torch.rand(200, 12)))
    picks = (transition[0] + noise).argmax(dim=-1)
    results += torch.bincount(picks, minlength=12).float().tolist()
    results += torch.multinomial(torch.tensor([1.0, 2.0, 3.0]), 2).float().tolist()

    beams = torch.zeros(1, 1, dtype=torch.long)
    scores = torch.zeros(1)
    for _ in range(4):
        logp = F.log_softmax(transition[beams[:, -1]], dim=-1)
        total = (scores.unsqueeze(1) + logp).view(-1)
        scores, flat = total.topk(3)
        parent = torch.div(flat, 12, rounding_mode="floor")
        beams = torch.cat([beams[parent], (flat % 12).unsqueeze(1)], dim=1)
    return results + scores.tolist() + beams.view(-1).float().tolist()
