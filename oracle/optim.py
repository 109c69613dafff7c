"""Writes engine/optim/testdata/golden.safetensors: 25 steps of torch.optim's optimisers.

Two parameters, "w" [7, 5] and "b" [5]; gradients grad.STEP.NAME, the same for every
case; the values start.NAME, CASE/DTYPE/NAME after the last step and
CASE/DTYPE/mid.NAME after step 10.
"""

import torch

import weights

STEPS = 25
CASES = {
    "sgd": (torch.optim.SGD, {}),
    "sgd_decay": (torch.optim.SGD, {"weight_decay": 0.05}),
    "sgd_momentum": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.05}),
    "sgd_dampening": (torch.optim.SGD, {"momentum": 0.8, "dampening": 0.3}),
    "sgd_nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {}),
    "adam_all": (torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.05}),
    "adam_no_beta1": (torch.optim.Adam, {"betas": (0.0, 0.9)}),
    "adam_no_betas": (torch.optim.Adam, {"betas": (0.0, 0.0)}),
    "adam_no_eps": (torch.optim.Adam, {"eps": 0.0}),
    "adam_amsgrad": (torch.optim.Adam, {"betas": (0.8, 0.9), "amsgrad": True, "weight_decay": 0.02}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.1}),
    "adamw_none": (torch.optim.AdamW, {"weight_decay": 0.0, "eps": 1e-6}),
    "adamw_no_eps": (torch.optim.AdamW, {"weight_decay": 0.1, "eps": 0.0, "betas": (0.9, 0.0)}),
    "adamw_amsgrad": (torch.optim.AdamW, {"weight_decay": 0.1, "amsgrad": True, "betas": (0.9, 0.9)}),
}


def main():
    torch.set_num_threads(2)
    torch.manual_seed(1)
    start = {"w": torch.randn(7, 5), "b": torch.randn(5)}
    grads = [{k: torch.randn_like(v) * 10 ** (i % 5 - 3) for k, v in start.items()} for i in range(STEPS)]
    out = {"start." + k: v for k, v in start.items()}
    out |= {f"grad.{i}.{k}": v for i, g in enumerate(grads) for k, v in g.items()}
    for case, (make, options) in CASES.items():
        for dtype, kind in ((torch.float32, "float32"), (torch.float64, "float64")):
            params = {k: v.to(dtype, copy=True).requires_grad_() for k, v in start.items()}
            opt = make(params.values(), lr=0.03, **options)
            for i, g in enumerate(grads):
                for k, p in params.items():
                    p.grad = g[k].to(dtype, copy=True)
                for group in opt.param_groups:
                    group["lr"] = 0.03 / (1 + 0.1 * i)
                opt.step()
                if i == 9:
                    out |= {f"{case}/{kind}/mid.{k}": p.detach().clone() for k, p in params.items()}
            out |= {f"{case}/{kind}/{k}": p.detach().clone() for k, p in params.items()}
    # Clipping: the norm that it found, and the gradients after it.
    for limit in (0.5, 1e6):
        ps = [v.double().requires_grad_() for v in start.values()]
        for p, g in zip(ps, grads[4].values()):
            p.grad = g.double()
        out[f"clip/{limit}/norm"] = torch.nn.utils.clip_grad_norm_(ps, limit).double()
        out |= {f"clip/{limit}/{k}": p.grad for k, p in zip(start, ps)}
    weights.save(weights.here("engine", "optim", "testdata", "golden.safetensors"), out)


if __name__ == "__main__":
    main()
