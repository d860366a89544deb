"""A PyTorch DistributedDataParallel script, as torchrun would start it: trains a
linear layer for a few steps and prints what every rank must agree on."""
import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")  # by RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT
rank, size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(rank)
model = DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    model(torch.randn(8, 4)).pow(2).mean().backward()
    optimizer.step()
weights = model.module.weight.detach().clone()
gathered = [torch.empty_like(weights) for _ in range(size)]
dist.all_gather(gathered, weights)
same = all(torch.equal(weights, other) for other in gathered)
print(f"rank {rank} of {size} local {os.environ['LOCAL_RANK']} same weights {same}", flush=True)
dist.destroy_process_group()
