"""A stand-in for a training in any language: gradient descent on noisy rows, told by its command line alone.

It prints its score after each epoch, and the last one once more at the end, as programs do.
"""

import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, required=True, help="learning rate")
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()

chance = random.Random(given.seed)
slope, speed = chance.gauss(0.0, 1.0), 0.0
for epoch in range(given.epochs):
    losses = []
    for _ in range(50):
        x = chance.uniform(-1.0, 1.0)
        error = slope * x - (3.0 * x + chance.gauss(0.0, 0.3))
        speed = given.momentum * speed - given.rate * error * x
        slope = max(-1e3, min(1e3, slope + speed))
        losses.append(error**2)
    loss = sum(losses) / len(losses)
    score = 1 / (1 + loss)
    print(f"epoch {epoch}: loss {loss:.6f}, score {score:.6f}")
print(f"final score {score:.6f}")
