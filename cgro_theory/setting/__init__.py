"""The paper's setup, once: parameters, patch data, network, adversaries, objective, test-error laws."""

from cgro_theory.setting.parameters import PatchSetting

__all__ = ["PatchSetting"]
