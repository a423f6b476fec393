"""`flax_network.py` with plain Optuna."""

import optuna

TRIALS = 20


def objective(trial: optuna.Trial) -> float:
    """The mean squared error on validation rows."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    units = trial.suggest_int("units", 4, 64, log=True)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    activation = {"tanh": nn.tanh, "relu": nn.relu}[trial.suggest_categorical("activation", ["tanh", "relu"])]
    x = jnp.linspace(-1, 1, 200).reshape(-1, 1)  # (rows, inputs)
    y = jnp.sin(4 * x)
    train, validation = slice(0, None, 2), slice(1, None, 2)
    model = nn.Sequential([nn.Dense(units), activation, nn.Dense(units), activation, nn.Dense(1)])
    weights = model.init(jax.random.key(trial.number), x)
    optimizer = optax.adam(rate)
    state = optimizer.init(weights)

    def error(weights: optax.Params, rows: slice) -> jax.Array:
        return jnp.mean((model.apply(weights, x[rows]) - y[rows]) ** 2)

    @jax.jit
    def step(weights: optax.Params, state: optax.OptState) -> tuple[optax.Params, optax.OptState]:
        gradients = jax.grad(error)(weights, train)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(weights, updates), state

    for number in range(100):
        weights, state = step(weights, state)
        if number % 20 == 19:
            trial.report(float(error(weights, validation)), number)
            if trial.should_prune():
                raise optuna.TrialPruned(f"after {number + 1} steps")
    return float(error(weights, validation))


study = optuna.create_study(study_name="flax", storage="sqlite:///optuna.db", direction="minimize", load_if_exists=True)
left = TRIALS - len(study.trials)
study.enqueue_trial({"units": 16, "rate": 1e-2, "activation": "tanh"}, skip_if_exists=True)
study.optimize(objective, left)
print(study.best_params, study.best_value)
