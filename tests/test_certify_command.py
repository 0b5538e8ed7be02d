"""`cgro certify` and `verification/check_certificate.py` from the command line."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cgro_theory.cli import main
from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.certificate import proving
from cgro_theory.theorems.theorem_1_feature_learning.certificate.error_growth import NotCompleted
from cgro_theory.theorems.theorem_1_feature_learning.certificate.prover import CARES, Care
from cgro_theory.theorems.theorem_1_feature_learning.certificate.proving import proof_of

SCRIPT = Path(__file__).parent.parent / "verification" / "check_certificate.py"
SIZES = ["--dimension", "1e4", "--samples", "1", "--width", "2"]
SEED = 884010


@pytest.fixture(scope="module")
def proof():
    setting = PatchSetting.version_1(10**4, num_samples=1, width=2)
    return proof_of(setting, draw_subspace(setting, SEED))


def test_a_theorem_is_printed_and_its_certificate_written(proof, capsys, tmp_path):
    path = tmp_path / "certificate.npz"
    with pytest.raises(SystemExit) as stopped:
        main(["certify", *SIZES, "--seed", str(SEED), "--out", str(path), "--quiet"])
    printed = " ".join(capsys.readouterr().out.split())
    assert stopped.value.code == 0
    assert printed.startswith(f"Theorem. Train the network of the draw of seed {SEED}")
    with np.load(path, allow_pickle=False) as file:
        assert file["clock"].shape[0] == len(proof.certificate.durations)


def test_what_the_checker_refuses_is_proposed_once_more_with_more_care(proof, monkeypatch):
    """Without room for the checker's boxes a certificate is refused; with the usual care the second is not."""
    hasty = Care(truncation=1e-18, slack=0.0, overshoot=1e-9, steps=1)
    setting, draw = proof.certificate.setting, proof.certificate.draw
    monkeypatch.setattr(proving, "CARES", (hasty, hasty))
    with pytest.raises(NotCompleted, match="the checker refuses it"):
        proof_of(setting, draw)
    monkeypatch.setattr(proving, "CARES", (hasty, CARES[0]))
    assert proof_of(setting, draw).proved == proof.proved
    monkeypatch.setattr(proving, "CARES", (CARES[1], hasty))
    careful = proof_of(setting, draw)
    assert len(careful.certificate.durations) > 1.5 * len(proof.certificate.durations)


def test_a_draw_without_a_proof_is_exit_code_3_and_no_file(capsys, tmp_path):
    path = tmp_path / "certificate.npz"
    with pytest.raises(SystemExit) as stopped:
        main(["certify", *SIZES, "--width", "1", "--seed", "884013", "--out", str(path), "--quiet"])
    error = capsys.readouterr().err
    assert stopped.value.code == 3
    assert error.startswith("not proved: ")
    assert len(error.splitlines()) == 1
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--degree", "4"], "--degree"),
        (["--attacked-fraction", "-0.5"], "--attacked-fraction"),
        (["--adversarial-weight", "1"], "--adversarial-weight"),
        (["--adversarial-weight", "0"], "--adversarial-weight"),
        (["--samples", "500"], "--samples"),
        (["--minutes", "0"], "--minutes"),
        (["--seed", "-1"], "--seed"),
        (["--out", "no/such/folder/c.npz"], "no/such/folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(options, named, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["certify", *options])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert named in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_script_accepts_refuses_and_tells_what_is_no_certificate(proof, tmp_path):
    certificate, proved = proof.certificate, proof.proved
    good, bad, junk = (tmp_path / name for name in ("good.npz", "bad.npz", "junk.npz"))
    certificate.save(good)
    replace(certificate, claims=certificate.claims | {"robust_test_error": 0.5}).save(bad)
    junk.write_bytes(b"PK\x03\x04 nothing")
    done = [
        subprocess.run([sys.executable, str(SCRIPT), str(path)], capture_output=True, text=True, check=False)
        for path in (good, bad, junk)
    ]
    assert [each.returncode for each in done] == [0, 1, 2]
    assert "ACCEPTED" in done[0].stdout
    assert str(proved["signal_margin"][0]) in done[0].stdout
    assert done[1].stderr.startswith("REFUSED")
    assert len(done[2].stderr.splitlines()) == 1
