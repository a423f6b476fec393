"""`pytorch.py` with plain Optuna."""

import optuna

TRIALS = 20


def objective(trial: optuna.Trial) -> float:
    """The accuracy on validation rows."""
    import torch
    from torch import nn

    units = trial.suggest_int("units", 4, 64, log=True)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 0.5)
    torch.set_num_threads(1)  # so small a network is faster on one
    torch.manual_seed(trial.number)
    points = torch.rand(600, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    labels = ((points.norm(dim=1) > 0.4) & (points.norm(dim=1) < 0.8)).long()
    x, y, seen_x, seen_y = points[:450], labels[:450], points[450:], labels[450:]
    model = nn.Sequential(nn.Linear(2, units), nn.ReLU(), nn.Dropout(dropout), nn.Linear(units, 2))
    optimizer = torch.optim.Adam(model.parameters(), rate)
    accuracy = 0.0
    for epoch in range(20):
        model.train()
        for rows in torch.randperm(len(x)).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = float((model(seen_x).argmax(1) == seen_y).float().mean())
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


study = optuna.create_study(
    study_name="pytorch", storage="sqlite:///optuna.db", direction="maximize", load_if_exists=True
)
left = TRIALS - len(study.trials)
study.enqueue_trial({"units": 16, "rate": 3e-2, "dropout": 0.0}, skip_if_exists=True)
study.optimize(objective, left)
print(study.best_params, study.best_value)
