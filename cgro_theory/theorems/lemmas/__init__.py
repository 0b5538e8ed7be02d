"""The lemmas' room: functions that theorems use, and the claims that they are right."""
