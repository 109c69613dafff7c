"""Writes engine/nn/testdata/layers.safetensors: torch.nn's layers forward and backward.

For each case in float64: CASE/x, CASE/y, the upstream gradient CASE/dy, CASE/dx, the
state before (CASE/state.NAME), the gradients (CASE/grad.NAME) and the state after
(CASE/after.NAME, only where it changed). Also engine/nn/testdata/pytorch.safetensors, the
weights of a small network as PyTorch saves them, with an input and its output, and
engine/nn/testdata/encoder.safetensors, those of a transformer's encoder.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn.utils import spectral_norm

import weights


class Last(nn.Module):
    """A recurrent layer's output without its state."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)[0]


class Twice(nn.Module):
    """A layer that stands in two places of one graph."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + self.inner(x / 2)


class Block(nn.Module):
    """A residual block of a temporal convolutional network, without weight norm."""

    def __init__(self, channels, out, kernel, dilation):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.conv1 = nn.Conv1d(channels, out, kernel, dilation=dilation)
        self.conv2 = nn.Conv1d(out, out, kernel, dilation=dilation)
        self.downsample = nn.Conv1d(channels, out, 1) if channels != out else None

    def forward(self, x):
        y = torch.relu(self.conv1(nn.functional.pad(x, (self.pad, 0))))
        y = torch.relu(self.conv2(nn.functional.pad(y, (self.pad, 0))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class TCN(nn.Module):
    def __init__(self, channels, widths, kernel):
        super().__init__()
        pairs = zip([channels] + widths, widths)
        self.network = nn.Sequential(*[Block(a, b, kernel, 2**i) for i, (a, b) in enumerate(pairs)])

    def forward(self, x):
        return self.network(x)


class HardSigmoid(nn.Module):
    """nn.Hardsigmoid, whose derivative is float32's 1/6, in float64 too."""

    def forward(self, x):
        return nn.functional.relu6(x + 3) / 6


class Attention(nn.Module):
    """Attention of a value to itself."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


class Cross(nn.Module):
    """Attention with another key, a third value and masks, on samples first; 2 samples of 3 queries and 6 keys."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        key = torch.cat([x, x / 2], 1)
        hidden = torch.tensor([[0, 1, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1]]).double() * -torch.inf
        hidden = torch.nan_to_num(hidden, nan=0.0, neginf=-torch.inf)
        t, s = torch.meshgrid(torch.arange(3), torch.arange(6), indexing="ij")
        scores = torch.where((t + s) % 4 == 3, -torch.inf, 0.25 * (s - t)).double()
        return self.inner(x, key, torch.tanh(key), key_padding_mask=hidden, attn_mask=scores)[0]


class Causal(nn.Module):
    """An encoder with the causal mask, times first."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(len(x), dtype=x.dtype)
        return self.inner(x, mask, is_causal=True)


def stirred(module):
    """A module whose vectors are not all ones and zeros."""
    for p in module.parameters():
        if p.dim() == 1:
            nn.init.uniform_(p, 0.5, 1.5)
    return module


def encoder_layer(**options):
    return stirred(nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, **options))


def encoder(norm):
    layer = nn.TransformerEncoderLayer(6, 3, 4, dropout=0.0, norm_first=True)
    inner = nn.TransformerEncoder(layer, 2, nn.LayerNorm(6) if norm else None, enable_nested_tensor=False)
    for p in inner.parameters():  # the layers are copies of one
        nn.init.uniform_(p, -0.7, 0.7)
    return Causal(inner)


def affine(norm):
    """A norm whose scale and shift are not one and zero, nor its statistics fresh."""
    for p in norm.parameters():
        nn.init.uniform_(p, 0.5, 1.5)
    for name, b in norm.named_buffers():
        if b.is_floating_point():
            nn.init.uniform_(b, 0.5, 1.5)
    return norm


def settled(module, shape):
    """A module under spectral norm after some steps of its power iteration."""
    for _ in range(5):
        module(torch.randn(shape))
    return module


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)),
        nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3),
    )


CASES = OrderedDict(
    linear=(lambda: nn.Linear(4, 3), (5, 4)),
    linear_no_bias=(lambda: nn.Linear(4, 3, bias=False), (5, 4)),
    conv2d=(lambda: nn.Conv2d(2, 3, 3), (2, 2, 6, 5)),
    conv2d_stride_pad=(lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1), (2, 2, 7, 6)),
    conv2d_dilation=(lambda: nn.Conv2d(2, 3, 3, padding=2, dilation=2, bias=False), (2, 2, 6, 6)),
    conv1d=(lambda: nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 2, 9)),
    conv1d_dilation=(lambda: nn.Conv1d(3, 2, 2, dilation=3), (2, 3, 8)),
    max_pool2d=(lambda: nn.MaxPool2d(3, stride=2, padding=1), (2, 2, 7, 6)),
    max_pool2d_default=(lambda: nn.MaxPool2d(2), (2, 2, 6, 6)),
    avg_pool2d=(lambda: nn.AvgPool2d(3, stride=2, padding=1), (2, 2, 7, 6)),
    global_avg_pool2d=(lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), (2, 3, 5, 4)),
    flatten=(nn.Flatten, (2, 3, 2, 2)),
    unflatten=(lambda: nn.Unflatten(1, (3, 2, 2)), (2, 12)),
    relu=(nn.ReLU, (4, 7)),
    leaky_relu=(lambda: nn.LeakyReLU(0.2), (4, 7)),
    tanh=(nn.Tanh, (4, 7)),
    sigmoid=(nn.Sigmoid, (4, 7)),
    silu=(nn.SiLU, (4, 7)),
    gelu=(nn.GELU, (4, 7)),
    softplus=(nn.Softplus, (4, 7)),
    dropout_eval=(lambda: nn.Dropout(0.5).eval(), (4, 7)),
    batch_norm_1d=(lambda: affine(nn.BatchNorm1d(3)), (6, 3)),
    batch_norm_1d_eval=(lambda: affine(nn.BatchNorm1d(3)).eval(), (6, 3)),
    batch_norm_time=(lambda: affine(nn.BatchNorm1d(3)), (4, 3, 5)),
    batch_norm_2d=(lambda: affine(nn.BatchNorm2d(3, eps=1e-3, momentum=0.3)), (4, 3, 2, 3)),
    batch_norm_2d_eval=(lambda: affine(nn.BatchNorm2d(3)).eval(), (4, 3, 2, 3)),
    layer_norm=(lambda: affine(nn.LayerNorm(6)), (4, 6)),
    layer_norm_time=(lambda: affine(nn.LayerNorm(6, eps=1e-2)), (2, 3, 6)),
    group_norm=(lambda: affine(nn.GroupNorm(2, 4)), (3, 4, 2, 3)),
    embedding=(lambda: nn.Embedding(6, 3), (2, 4)),
    rnn=(lambda: Last(nn.RNN(3, 4, batch_first=True)), (2, 5, 3)),
    rnn_relu=(lambda: Last(nn.RNN(3, 4, nonlinearity="relu", num_layers=2, batch_first=True)), (2, 5, 3)),
    gru=(lambda: Last(nn.GRU(3, 4, batch_first=True)), (2, 5, 3)),
    gru_deep=(lambda: Last(nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True)), (3, 4, 3)),
    lstm=(lambda: Last(nn.LSTM(3, 4, batch_first=True)), (2, 5, 3)),
    lstm_deep=(lambda: Last(nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)), (3, 4, 3)),
    tcn=(lambda: TCN(2, [3, 3], 3), (2, 2, 9)),
    spectral_linear=(lambda: settled(spectral_norm(nn.Linear(4, 3)), (1, 4)), (5, 4)),
    spectral_linear_eval=(lambda: settled(spectral_norm(nn.Linear(4, 3)), (1, 4)).eval(), (5, 4)),
    spectral_conv2d=(lambda: settled(spectral_norm(nn.Conv2d(2, 3, 3, padding=1)), (1, 2, 3, 3)), (2, 2, 4, 4)),
    spectral_conv1d=(lambda: settled(spectral_norm(nn.Conv1d(2, 3, 3, padding=1)), (1, 2, 3)), (2, 2, 6)),
    spectral_twice=(lambda: Twice(settled(spectral_norm(nn.Linear(4, 3)), (1, 4))), (5, 4)),
    sequential=(cnn, (2, 1, 8, 8)),
    conv2d_groups=(
        lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), (2, 4, 7, 8),
    ),
    conv2d_depthwise=(lambda: nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3), (2, 3, 7, 6)),
    conv2d_same=(lambda: nn.Conv2d(2, 3, (4, 2), padding="same", dilation=3), (2, 2, 5, 6)),
    conv2d_reflect=(lambda: nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode="reflect"), (2, 2, 4, 5)),
    conv2d_replicate=(lambda: nn.Conv2d(2, 3, 2, padding="same", padding_mode="replicate"), (2, 2, 4, 5)),
    conv2d_circular=(lambda: nn.Conv2d(2, 4, 3, stride=2, padding=2, groups=2, padding_mode="circular"), (2, 2, 4, 5)),
    conv1d_depthwise=(lambda: nn.Conv1d(3, 3, 4, padding="same", groups=3), (2, 3, 9)),
    conv1d_reflect=(lambda: nn.Conv1d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 2, 7)),
    conv_transpose2d=(lambda: nn.ConvTranspose2d(3, 2, 3), (2, 3, 4, 5)),
    conv_transpose2d_groups=(
        lambda: nn.ConvTranspose2d(4, 6, (3, 2), stride=(2, 3), padding=(2, 0), output_padding=(1, 2), groups=2, dilation=(2, 1)),
        (2, 4, 4, 3),
    ),
    conv_transpose2d_depthwise=(
        lambda: nn.ConvTranspose2d(3, 3, 4, stride=2, padding=1, groups=3, bias=False), (2, 3, 4, 5),
    ),
    conv_transpose1d=(lambda: nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1, output_padding=1), (2, 2, 6)),
    layer_norm_axes=(lambda: affine(nn.LayerNorm((3, 5))), (4, 3, 5)),
    layer_norm_all_axes=(lambda: affine(nn.LayerNorm((4, 3, 5), bias=False)), (4, 3, 5)),
    layer_norm_plain=(lambda: nn.LayerNorm((3, 5), elementwise_affine=False), (4, 3, 5)),
    batch_norm_plain=(lambda: affine(nn.BatchNorm2d(3, affine=False)), (4, 3, 2, 3)),
    batch_norm_untracked=(lambda: affine(nn.BatchNorm1d(3, track_running_stats=False)).eval(), (6, 3)),
    group_norm_plain=(lambda: nn.GroupNorm(2, 4, affine=False), (3, 4, 2, 3)),
    instance_norm=(lambda: nn.InstanceNorm2d(3), (2, 3, 4, 5)),
    instance_norm_affine=(lambda: affine(nn.InstanceNorm1d(3, affine=True, eps=1e-3)), (2, 3, 7)),
    elu=(lambda: nn.ELU(0.7), (4, 7)),
    hard_sigmoid=(HardSigmoid, (4, 7)),
    hard_swish=(nn.Hardswish, (4, 7)),
    rnn_no_bias=(lambda: Last(nn.RNN(3, 4, bias=False, batch_first=True)), (2, 5, 3)),
    gru_no_bias=(lambda: Last(nn.GRU(3, 4, num_layers=2, bidirectional=True, bias=False, batch_first=True)), (3, 4, 3)),
    lstm_no_bias=(lambda: Last(nn.LSTM(3, 4, num_layers=2, bias=False, batch_first=True)), (3, 4, 3)),
    attention=(lambda: Attention(stirred(nn.MultiheadAttention(6, 2))), (5, 2, 6)),
    attention_batch_first=(lambda: Attention(nn.MultiheadAttention(6, 3, bias=False, batch_first=True)), (2, 5, 6)),
    attention_cross=(lambda: Cross(stirred(nn.MultiheadAttention(6, 3, batch_first=True))), (2, 3, 6)),
    encoder_layer=(encoder_layer, (5, 2, 6)),
    encoder_layer_norm_first=(lambda: encoder_layer(norm_first=True, activation="gelu", batch_first=True), (2, 5, 6)),
    encoder_layer_no_bias=(lambda: encoder_layer(bias=False), (4, 3, 6)),
    encoder=(lambda: encoder(norm=True), (4, 2, 6)),
    encoder_no_norm=(lambda: encoder(norm=False), (4, 2, 6)),
)


def state(module):
    """The state by our names, which have no wrapper's name in front."""
    return {
        k.removeprefix("inner."): v.detach().clone()
        for k, v in module.state_dict().items()
        if not k.endswith("num_batches_tracked")
    }


def case(name, make, shape):
    module = make().double()
    x = torch.randn(shape).double()
    if name == "embedding":
        x = torch.randint(6, shape)
    else:
        x.requires_grad_()
    before = state(module)
    y = module(x)
    dy = torch.randn_like(y).float().double()
    y.backward(dy)
    out = {"x": x.detach().double(), "y": y.detach(), "dy": dy}
    if x.grad is not None:
        out["dx"] = x.grad
    out |= {"state." + k: v for k, v in before.items()}
    out |= {"grad." + k.removeprefix("inner."): p.grad for k, p in module.named_parameters()}
    out |= {"after." + k: v for k, v in state(module).items() if not torch.equal(v, before[k])}
    return {f"{name}/{k}": v for k, v in out.items()}


def main():
    torch.set_num_threads(2)
    torch.manual_seed(1)
    out = {}
    for name, (make, shape) in CASES.items():
        out |= case(name, make, shape)
    weights.save(weights.here("engine", "nn", "testdata", "layers.safetensors"), out)

    torch.manual_seed(2)  # whatever the cases have drawn
    model = nn.Module()
    model.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    model.classifier = nn.Linear(16, 3)
    affine(model.features[1])
    model.eval()
    x = torch.randn(2, 1, 4, 4)
    y = model.classifier(model.features(x).flatten(1))
    out = dict(model.state_dict()) | {"example.input": x, "example.output": y}
    weights.save(weights.here("engine", "nn", "testdata", "pytorch.safetensors"), out, {"format": "pt"})

    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    model = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8), enable_nested_tensor=False)
    for p in model.parameters():  # the layers are copies of one
        nn.init.uniform_(p, -0.5, 0.5)
    x = torch.randn(2, 4, 8)
    y = model(x, src_key_padding_mask=torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]]).bool())
    out = dict(model.state_dict()) | {"example.input": x, "example.output": y}
    weights.save(weights.here("engine", "nn", "testdata", "encoder.safetensors"), out, {"format": "pt"})


if __name__ == "__main__":
    main()
