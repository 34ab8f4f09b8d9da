import gym as gymlib
from collections import deque

env = gymlib.make("CartPole-v0")
assert env._max_episode_steps == 200
scores = deque(maxlen=100)
for e in range(2):
    env.seed(e)
    s = env.reset()
    score = 0
    done = False
    while not done:
        a = 0 if s[2] < 0 else 1
        s, r, done, info = env.step(a)
        if done and info.get("TimeLimit.truncated", False):
            print("time is up")
        score += r
    scores.append(score)
print("mean of %d episodes: %.1f" % (len(scores), sum(scores) / len(scores)))
