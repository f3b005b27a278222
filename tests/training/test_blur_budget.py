"""A budget bounds the learning of the blur: it has its share, and a budget that is too short is refused at once."""

import functools
from pathlib import Path

import pytest

from tests.training.test_automatic import TINY, save_drawings
from udsd.errors import ConfigError
from udsd.estimation import SHORTEST, WHOLE, BlurEstimator, Cost, Plan, Round, learn_blur
from udsd.training import blur_budget, learnt_blur, length
from udsd.training.automatic import chosen_config
from udsd.training.blur_budget import BLUR_SHARE, affordable_plan
from udsd.training.length import StepTimes

COST = Cost(reading=0.0, simulating=0.01, fitting=0.0)
FILES = [Path("a.png")] * 50
NOW = 1000.0


@pytest.fixture
def known_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blur_budget, "measure_cost", lambda files, seed: COST)


def plan_for(budget: float, training: float = 1.0) -> Plan:
    return affordable_plan(FILES, FILES, ends=NOW + budget, training=training, seed=0, clock=lambda: NOW)


def cost_of(plan: Plan) -> float:
    return COST.of(plan, (50, 50))


@pytest.mark.usefixtures("known_cost")
class TestPlan:
    def test_a_long_budget_leaves_all_as_it_is(self, caplog: pytest.LogCaptureFixture) -> None:
        assert plan_for(480) is WHOLE
        assert plan_for(cost_of(WHOLE) / BLUR_SHARE) is WHOLE
        assert "less exactly" not in caplog.text

    @pytest.mark.parametrize("budget", [60.0, 80.0, 120.0])
    def test_a_short_one_gives_its_share(self, budget: float, caplog: pytest.LogCaptureFixture) -> None:
        plan = plan_for(budget)
        assert 0.7 * BLUR_SHARE * budget < cost_of(plan) <= BLUR_SHARE * budget
        assert f"from {plan.simulated:,} simulated images in place of 6,500" in caplog.text

    def test_less_than_the_shortest_takes_is_refused(self) -> None:
        least = cost_of(SHORTEST) / BLUR_SHARE + 1e-6  # the clock rounds
        assert plan_for(least) == SHORTEST
        with pytest.raises(ConfigError, match=r"the budget is too short, it leaves 20 s.*learning the blur takes 26 s"):
            plan_for(20)

    def test_what_is_asked_for_is_enough(self) -> None:
        with pytest.raises(ConfigError) as refusal:
            plan_for(20)
        wanted = float(str(refusal.value).split("; give ")[1].split(" s ")[0])
        assert plan_for(wanted) is not None

    def test_a_model_that_could_not_be_trained_in_the_rest_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="some steps of training 60 s"):
            plan_for(100, training=60.0)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, dict[str, object]]:
    sharp = save_drawings(tmp_path / "sharp", 12, 0)
    blurred = save_drawings(tmp_path / "blurred", 8, 1, blurred=True)
    return {**TINY, "data": {**TINY["data"], "sharp": (str(sharp),), "blurred": (str(blurred),)}}


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_is_refused_before_anything_is_learnt(
    dry_run: bool, settings: dict[str, dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(*_: object, **__: object) -> None:
        raise AssertionError("the blur was learnt")

    monkeypatch.setattr(learnt_blur, "learn_blur", learn)
    with pytest.raises(ConfigError, match="the budget is too short"):
        chosen_config(tmp_path / "run", None, settings, budget=0.1, dry_run=dry_run)
    assert not (tmp_path / "run" / "blur.safetensors").exists()


def test_a_run_learns_by_the_plan(
    settings: dict[str, dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, ...]] = []

    def learn(*images: object, rounds: tuple[Round, ...], **rest: object) -> BlurEstimator:
        asked.append(tuple(one.images for one in rounds))
        few = (Round(150, 10, 4, 1.0), Round(100, 10, 8, 0.5))
        return functools.partial(learn_blur, *images, rounds=few)(**rest)  # type: ignore[arg-type]

    monkeypatch.setattr(learnt_blur, "learn_blur", learn)
    monkeypatch.setattr(blur_budget, "measure_cost", lambda files, seed: COST)
    monkeypatch.setattr(length, "step_times", lambda config, crops, first=0: StepTimes(0.1, 0.1, 1.0, 1.0))
    config = chosen_config(tmp_path / "run", None, settings, budget=60)
    (images,) = asked
    assert sum(images) < 0.5 * WHOLE.simulated
    assert COST.simulating * sum(images) <= BLUR_SHARE * 60
    assert 20 <= config.warm_start.steps <= 60 / 0.1
    assert config.blur.learnt == str(tmp_path / "run" / "blur.safetensors")
