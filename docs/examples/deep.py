"""Eight residual blocks without normalization: what is left of the gradient at the first one?"""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, x):
        return x + self.second(torch.relu(self.first(x)))


class Deep(nn.Module):
    def __init__(self, depth=8, width=16):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        return self.head(self.blocks(x))


if __name__ == "__main__":
    print(Deep()(torch.randn(4, 16)).shape)
