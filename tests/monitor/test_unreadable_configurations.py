"""Claim: a configuration that cannot describe itself costs no run, and the run says that it is missing."""

import pytest

pytest.importorskip("transformers")
pytest.importorskip("lightning")

from triplepoint.monitor.trainers import hf_trainer, lightning_callback


class Broken:
    hparams = None
    config = None

    def to_dict(self):
        raise RuntimeError("no")


def test_both_trainers_say_what_could_not_be_read():
    found = hf_trainer._configuration(Broken(), Broken())
    assert found == {"trainer": "transformers", "args": "cannot be read: RuntimeError"}
    found = lightning_callback._configuration(Broken())
    assert found == {"trainer": "lightning", "module": "Broken", "hparams": "cannot be read: TypeError"}
