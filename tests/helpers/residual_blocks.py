"""Residual blocks of many kinds: the source, and small values to try for each argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Grid = Mapping[str, Sequence[int]]

BLOCKS: Mapping[str, tuple[str, Grid]] = {
    "plain": (
        """
class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1)
        self.bn = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)
    def forward(self, x):
        return self.conv2(F.relu(self.bn(self.conv1(x)))) + x
""",
        {"cin": (24, 40), "cout": (24, 40), "stride": (1, 2, 3)},
    ),
    "basic, projection": (
        """
class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1)
        self.bn = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)
        self.shortcut = nn.Sequential()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride), nn.BatchNorm2d(cout))
    def forward(self, x):
        return self.conv2(F.relu(self.bn(self.conv1(x)))) + self.shortcut(x)
""",
        {"cin": (24, 40), "cout": (24, 40), "stride": (1, 2, 3)},
    ),
    "basic, stride only": (
        """
class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)
        self.shortcut = nn.Conv2d(cin, cout, 1, stride) if stride != 1 else nn.Identity()
    def forward(self, x):
        return self.conv2(self.conv1(x)) + self.shortcut(x)
""",
        {"cin": (24, 40), "cout": (24, 40), "stride": (1, 2, 3)},
    ),
    "bottleneck": (
        """
class Block(nn.Module):
    expansion = 4
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
    def forward(self, x):
        out = self.conv3(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        out += x
        return F.relu(out)
""",
        {"inplanes": (24, 40, 96, 160), "planes": (24, 40), "stride": (1, 2)},
    ),
    "inverted residual": (
        """
class Block(nn.Module):
    def __init__(self, inp, oup, stride, expand_ratio=6):
        super().__init__()
        hidden = inp * expand_ratio
        self.use_res = stride == 1 and inp == oup
        self.conv = nn.Sequential(nn.Conv2d(inp, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(
                hidden, hidden, 3, stride, 1, groups=hidden), nn.BatchNorm2d(hidden), nn.Conv2d(hidden, oup,
                1), nn.BatchNorm2d(oup)
            )
    def forward(self, x):
        return x + self.conv(x) if self.use_res else self.conv(x)
""",
        {"inp": (24, 40), "oup": (24, 40), "stride": (1, 2, 3)},
    ),
    "inverted, generous": (
        """
class Block(nn.Module):
    def __init__(self, inp, oup, stride, expand_ratio=6):
        super().__init__()
        hidden = inp * expand_ratio
        self.use_res = stride == 1
        self.conv = nn.Sequential(
            nn.Conv2d(inp, hidden, 1), nn.ReLU6(), nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden),
            nn.Conv2d(hidden, oup, 1)
        )
    def forward(self, x):
        return x + self.conv(x) if self.use_res else self.conv(x)
""",
        {"inp": (24, 40), "oup": (24, 40), "stride": (1, 2, 3)},
    ),
    "squeeze-excitation": (
        """
class SE(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction), nn.ReLU(), nn.Linear(channels // reduction, channels),
            nn.Sigmoid()
        )
    def forward(self, x):
        b, c, _, _ = x.size()
        return x * self.fc(self.pool(x).view(b, c)).view(b, c, 1, 1)
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.se = SE(out_channels)
        self.proj = nn.Conv2d(in_channels, out_channels, 1, stride) if in_channels != out_channels else nn.Identity()
    def forward(self, x):
        return self.se(self.conv(x)) + self.proj(x)
""",
        {"in_channels": (24, 40), "out_channels": (24, 40), "stride": (1, 2, 3)},
    ),
    "pre-activation": (
        """
class Block(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(in_planes), nn.BatchNorm2d(planes)
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Conv2d(in_planes, planes, 1, stride, bias=False)
    def forward(self, x):
        out = F.relu(self.bn1(x))
        shortcut = self.shortcut(out) if hasattr(self, 'shortcut') else x
        return self.conv2(F.relu(self.bn2(self.conv1(out)))) + shortcut
""",
        {"in_planes": (24, 40), "planes": (24, 40), "stride": (1, 2, 3)},
    ),
    "grouped": (
        """
class Block(nn.Module):
    def __init__(self, channels, groups=1, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride, 1, groups=groups)
    def forward(self, x):
        return x + self.conv(x)
""",
        {"channels": (24, 40), "groups": (1, 2, 4, 5), "stride": (1, 2)},
    ),
    "ResNeXt": (
        """
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, cardinality=4):
        super().__init__()
        mid = cardinality * (out_channels // 8)
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, mid, 1), nn.BatchNorm2d(mid), nn.ReLU(),
            nn.Conv2d(mid, mid, 3, stride, 1, groups=cardinality), nn.ReLU(), nn.Conv2d(mid, out_channels, 1)
        )
        self.short = nn.Identity()
        if in_channels != out_channels:
            self.short = nn.Conv2d(in_channels, out_channels, 1, stride)
    def forward(self, x):
        return F.relu(self.body(x) + self.short(x))
""",
        {"in_channels": (24, 40), "out_channels": (24, 40), "stride": (1, 2, 3)},
    ),
    "ConvNeXt": (
        """
class Block(nn.Module):
    def __init__(self, dim, mult=4, layer_scale=1e-6):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.pw1, self.pw2 = nn.Linear(dim, mult * dim), nn.Linear(mult * dim, dim)
        self.gamma = nn.Parameter(layer_scale * torch.ones(dim))
    def forward(self, x):
        out = self.dwconv(x).permute(0, 2, 3, 1)
        out = self.gamma * self.pw2(F.gelu(self.pw1(self.norm(out))))
        return x + out.permute(0, 3, 1, 2)
""",
        {"dim": (24, 40, 56), "mult": (1, 2, 4)},
    ),
    "signal (1-d)": (
        """
class Block(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size=3, dilation=1):
        super().__init__()
        self.conv = nn.Conv1d(
            in_channels, out_channels, kernel_size, padding=(kernel_size - 1) // 2 * dilation,
            dilation=dilation
        )
        self.down = nn.Conv1d(in_channels, out_channels, 1) if in_channels != out_channels else None
    def forward(self, x):
        return self.conv(x) + (x if self.down is None else self.down(x))
""",
        {"in_channels": (24, 40), "out_channels": (24, 40), "kernel_size": (1, 2, 3, 4, 5), "dilation": (1, 2)},
    ),
    "transformer": (
        """
class Block(nn.Module):
    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_dim), nn.GELU(), nn.Linear(mlp_dim, dim))
    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attn = (q @ k.transpose(-2, -1) * self.scale).softmax(-1)
        x = x + self.out((attn @ v).transpose(1, 2).reshape(b, n, c))
        return x + self.mlp(self.norm2(x))
""",
        {"dim": (24, 40), "heads": (1, 2, 4), "mlp_dim": (24, 48)},
    ),
    "linear": (
        """
class Block(nn.Module):
    def __init__(self, in_features, hidden, out_features):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(in_features, hidden), nn.ReLU(), nn.Linear(hidden, out_features))
    def forward(self, x):
        return x + self.net(x)
""",
        {"in_features": (24, 40), "hidden": (24, 48), "out_features": (24, 40)},
    ),
    "Res2Net": (
        """
class Block(nn.Module):
    def __init__(self, channels, scale=4, stride=1):
        super().__init__()
        self.width = channels // scale
        self.scale = scale
        self.conv1 = nn.Conv2d(channels, self.width * scale, 1)
        self.convs = nn.ModuleList([nn.Conv2d(self.width, self.width, 3, padding=1) for _ in range(scale - 1)])
        self.conv3 = nn.Conv2d(self.width * scale, channels, 1, stride)
    def forward(self, x):
        parts = torch.split(self.conv1(x), self.width, 1)
        outs, y = [parts[0]], 0
        for part, conv in zip(parts[1:], self.convs):
            y = conv(part + y)
            outs.append(y)
        return x + self.conv3(torch.cat(outs, 1))
""",
        {"channels": (24, 48), "scale": (2, 4), "stride": (1, 2)},
    ),
    "wide, shortcut pools": (
        """
class Block(nn.Module):
    def __init__(self, in_ch, out_ch, stride=1):
        super().__init__()
        self.stride, self.extra = stride, out_ch - in_ch
        self.conv = nn.Conv2d(in_ch, out_ch, 3, stride, 1)
    def forward(self, x):
        short = F.avg_pool2d(x, self.stride, ceil_mode=True) if self.stride > 1 else x
        if self.extra > 0:
            short = F.pad(short, (0, 0, 0, 0, 0, self.extra))
        return self.conv(x) + short
""",
        {"in_ch": (24, 40, 56), "out_ch": (24, 40, 56), "stride": (1, 2, 3)},
    ),
    "norm groups": (
        """
class Block(nn.Module):
    def __init__(self, in_c, out_c, groups=8):
        super().__init__()
        self.block = nn.Sequential(nn.GroupNorm(groups, in_c), nn.SiLU(), nn.Conv2d(in_c, out_c, 3, padding=1))
        self.skip = nn.Identity() if in_c == out_c else nn.Conv2d(in_c, out_c, 1)
    def forward(self, x):
        return self.block(x) + self.skip(x)
""",
        {"in_c": (24, 40), "out_c": (24, 40), "groups": (2, 3, 4, 8)},
    ),
    "factor of a width": (
        """
class Block(nn.Module):
    def __init__(self, inputs, factor=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, inputs * factor, 3, padding=1)
    def forward(self, x):
        return self.conv(x) + x
""",
        {"inputs": (24, 40, 56), "factor": (1, 2, 3)},
    ),
}
