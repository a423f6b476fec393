"""`scikit_learn.py` with plain Optuna."""

import optuna

TRIALS = 40


def objective(trial: optuna.Trial) -> float:
    """The accuracy, mean over five folds."""
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, y = load_wine(return_X_y=True)
    if trial.suggest_categorical("classifier", ["svc", "forest"]) == "svc":
        penalty = trial.suggest_float("C", 1e-3, 1e3, log=True)
        model = make_pipeline(StandardScaler(), SVC(C=penalty, gamma="auto"))
    else:
        depth = trial.suggest_int("max_depth", 1, 16, log=True)
        model = RandomForestClassifier(max_depth=depth, n_estimators=10, random_state=0)
    return float(cross_val_score(model, x, y, cv=5).mean())


study = optuna.create_study(
    study_name="scikit_learn", storage="sqlite:///optuna.db", direction="maximize", load_if_exists=True
)
left = TRIALS - len(study.trials)
study.optimize(objective, left)
print(study.best_params, study.best_value)
