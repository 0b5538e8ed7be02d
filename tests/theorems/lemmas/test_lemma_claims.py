from cgro_theory.claims import Environment, Outcome
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.verification import plan_room, verify_room

CPU = Environment("", "", "cpu", "float64", "", "")


def test_lemmas_hold_and_their_negative_controls_are_refuted():
    result = verify_room(plan_room(room("lemmas")), CPU)
    for verdict in result.verdicts:
        assert verdict.outcome in (Outcome.CERTIFIED, Outcome.CONSISTENT), (verdict.claim.label, verdict.reason)
        assert all(control.outcome is Outcome.REFUTED for control in verdict.controls), verdict.claim.label
