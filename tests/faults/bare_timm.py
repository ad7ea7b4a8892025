"""The bare framework: timm as its users call it, in its own environment, until one step is done."""

import timm
import torch

model = timm.create_model("test_resnet", num_classes=10)
optimizer = torch.optim.AdamW(model.parameters())
loss = torch.nn.functional.cross_entropy(model(torch.rand(16, 3, 64, 64)), torch.randint(10, (16,)))
loss.backward()
optimizer.step()
