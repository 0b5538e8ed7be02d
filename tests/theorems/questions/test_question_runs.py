"""Which runs are made, from which seeds; and trainings in R^d that notice mistakes in the code that trains."""

import pickle
from dataclasses import fields

import pytest
import torch
from rechecking import judge_claim
from small_question_runs import (
    DENSE,
    DENSE_SCALES,
    DENSE_SEED,
    DENSE_STEPS,
    RULE,
    RULE_SEEDS,
    dense_fractions,
    make,
    tiny,
)

from cgro_theory.claims import Outcome
from cgro_theory.setting import adversary
from cgro_theory.setting.adversary import shift_signal_patch
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.catalogue import checked_claim
from cgro_theory.theorems.questions.claims import CHECKED, QUESTIONS
from cgro_theory.theorems.questions.runs import dense_runs, patch_runs
from cgro_theory.theorems.questions.runs.made import QuestionRuns
from cgro_theory.theorems.questions.runs.making import plan_jobs
from cgro_theory.theorems.questions.runs.profiles import SIZES
from cgro_theory.theorems.room import RunRequest
from cgro_theory.trainer import engines
from cgro_theory.trainer.reduction import SubspaceProblem

SETS = {field.name for field in fields(QuestionRuns)}


def outcome(label, runs):
    entry = checked_claim(label)
    return judge_claim(entry.claim, entry.check, runs, 1e-4).outcome


def request(*sets, seed=0):
    return RunRequest("quick", seed, "cpu", frozenset(), lambda doing, fraction: None, frozenset(sets))


def seeds_of(jobs):
    """Every seed that the jobs train or draw with."""
    found = []
    for job in jobs:
        owner = getattr(job.work, "__self__", None)
        if owner is not None:  # a task of the phase plan
            found.append(owner.seed)
            continue
        for value in job.inputs:
            if isinstance(value, tuple) and value and all(isinstance(part, int) for part in value):
                found += value  # a batch of draws
            elif isinstance(value, int) and value >= 10**9 and not isinstance(value, bool):
                found.append(value)
    return found


def test_base_seeds_share_no_run_and_settings_share_no_seed():
    jobs = [job for job in plan_jobs(SIZES["quick"], request(*SETS, seed=9000)) if job.part != "fine"]
    own = seeds_of(jobs)
    assert len(own) >= len(jobs)
    assert len(set(own)) == len(own)  # no two networks of one verification start from one seed
    following = {
        seed
        for base in (9001, 9002, 9015)
        for seed in seeds_of(plan_jobs(SIZES["quick"], request(*SETS, seed=base)))
    }
    assert not set(own) & following


def test_only_what_is_asked_is_planned():
    assert plan_jobs(SIZES["quick"], request()) == []
    parts = {job.part for job in plan_jobs(SIZES["quick"], request(*checked_claim("questions.dimension").needs))}
    assert parts == {"degrees"}
    every = plan_jobs(SIZES["quick"], request(*SETS))
    assert {job.part for job in every} == SETS == {name for entry in CHECKED for name in entry.needs}
    assert len({question.figure for question in QUESTIONS}) == 11
    for job in every:
        pickle.dumps(job)


def test_the_same_seed_gives_the_same_counts():
    setting = PatchSetting.version_1(10**4, num_samples=4, width=8)
    first, second = (patch_runs.compare_attacks(setting, 3, 32) for _ in range(2))
    assert first == second


def test_the_scan_and_the_engines_agree_where_the_signal_starts_right():
    rules = make("attack_rules")
    positive = [run for run in rules if run.initial_signal > 0]
    assert 0 < len(positive) < len(rules)
    assert max(run.difference for run in positive) < 1e-11
    assert min(run.target for run in rules if run.initial_signal <= 0) > 0.01
    assert all(run.rounding > 0.0 for run in positive)


def half(victim, weights, radius):
    return shift_signal_patch(victim, torch.full_like(victim.labels, -0.5 * radius))


FAULTY = {
    "the rule on explicit weights": (adversary, "span_attack", half),
    "the recursion's gain": (
        engines,
        "attacked_signal_gain",
        lambda setting, signal: torch.full_like(signal, setting.attacked_gain + 0.1 * setting.clean_gain),
    ),
    "the fixed target": (
        adversary,
        "transfer_attack",
        lambda victim, radius: shift_signal_patch(victim, torch.full_like(victim.labels, 0.5 * radius)),
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_in_the_code_that_trains_is_refuted(monkeypatch, name):
    module, attribute, wrong = FAULTY[name]
    monkeypatch.setattr(module, attribute, wrong)
    found = dense_runs.compare_attack_rules(RULE, RULE_SEEDS[:2], 0.05, 100)
    assert any(run.initial_signal > 0 for run in found)
    assert outcome("questions.current_iterate", QuestionRuns(attack_rules=found)) is Outcome.REFUTED


def test_errors_in_full_notice_a_wrong_gram_matrix(monkeypatch):
    """Count and law share no weights: with half the noise in the recursion's Gram matrix they disagree."""
    right = SubspaceProblem.weight_gram_at
    monkeypatch.setattr(SubspaceProblem, "weight_gram_at", lambda self, v: 0.5 * right(self, v))
    found = dense_runs.count_dense_samples(
        DENSE, DENSE_SEED, dense_fractions(DENSE_SCALES[:3]), 2048, 0.05, DENSE_STEPS
    )
    label = "questions.fresh_sample"
    assert outcome(label, QuestionRuns(fresh=found)) is Outcome.REFUTED
    reduced = patch_runs.count_fresh_samples(tiny(10**3), 0, (1.0, 0.1, 0.05), 1024)
    assert outcome(label, QuestionRuns(fresh=reduced)) is Outcome.INCONCLUSIVE
