"""TorchRL's collector, on its own vector of Gymnasium environments."""

import torch
from torchrl.collectors import Collector
from bridge.torchrl import make

envs = make("CartPole-v1", 8)
torch.manual_seed(0)
collector = Collector(envs, None, frames_per_batch=8 * 64, total_frames=8 * 64 * 8)
returns, totals = [], torch.zeros(8)
for batch in collector:
    for rewards, done in zip(
        batch["next", "reward"].squeeze(-1).T, batch["next", "done"].squeeze(-1).T, strict=True
    ):
        totals += rewards
        returns += totals[done].tolist()
        totals[done] = 0
collector.shutdown()
print(f"{len(returns)} episodes, mean return {sum(returns) / len(returns):.0f}")
