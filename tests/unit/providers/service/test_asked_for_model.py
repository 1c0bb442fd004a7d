"""A model that is asked for goes to a provider that has it, and to nobody where all say that they haven't."""

from __future__ import annotations

import pytest

from lotus_tasks.errors import Cancelled
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import FailureKind, ModelRefusal
from tests.unit.providers.service.doubles import ActingModel, question, row, speech, stage

OFFLINE = OfflineChatModel()


def model(name: str, *, has: bool | None, **details) -> ActingModel:
    return ActingModel(row(name), [speech(f"I am {name}.")], has=has, **details)


def asked(scene, name: str) -> list[str]:
    return [wanted for _, wanted in scene.models[name].requests]


@pytest.mark.parametrize("others", [[], [OFFLINE], [model("c", has=False), OFFLINE]], ids=len)
def test_a_model_that_nobody_has_is_refused_before_anything_is_sent(others):
    scene = stage(model("a", has=False), *others)
    with pytest.raises(ModelRefusal) as caught:
        scene.complete(question(model="nosuch"))
    assert str(caught.value) == "no provider has a model nosuch; `manage.py providers models` lists what there is"
    assert caught.value.kind is FailureKind.UNKNOWN_MODEL
    assert asked(scene, "a") == []
    assert scene.calls == []


def test_the_provider_that_was_asked_for_is_named():
    scene = stage(model("a", has=False), model("b", has=True), OFFLINE)
    with pytest.raises(ModelRefusal) as caught:
        scene.complete(question(model="nosuch", provider="a"))
    assert str(caught.value) == "a has no model nosuch; `manage.py providers models a` lists what there is"
    assert asked(scene, "b") == []


def test_who_has_the_model_goes_first():
    scene = stage(model("a", has=False), model("b", has=None), model("c", has=True), OFFLINE)
    completion = scene.complete(question(model="wanted"))
    assert (completion.provider, completion.model) == ("c", "wanted")
    assert asked(scene, "a") == asked(scene, "b") == []


def test_one_that_does_not_tell_is_asked_and_the_others_use_their_own():
    scene = stage(model("a", has=False), model("b", has=None), OFFLINE)
    completion = scene.complete(question(model="wanted"))
    assert (completion.provider, completion.model) == ("b", "wanted")
    scene.models["b"].acts = [ModelRefusal(FailureKind.WRONG_KEY, "wrong key (401)", "wrong key")]
    completion = scene.complete(question(model="wanted"))
    assert (completion.provider, completion.model) == ("a", "a-1")


def test_one_that_is_not_there_has_no_model():
    scene = stage(model("a", has=None, present=False), model("b", has=False), OFFLINE)
    with pytest.raises(ModelRefusal, match="no provider has a model nosuch"):
        scene.complete(question(model="nosuch"))


def test_a_server_that_lists_nothing_and_then_refuses_the_model_is_named_and_memory_stands_in_for_nothing():
    refusing = ActingModel(row("a"), [ModelRefusal(FailureKind.UNKNOWN_MODEL, "unknown model nosuch", "HTTP 404")])
    scene = stage(refusing, OFFLINE)
    with pytest.raises(ModelRefusal) as caught:
        scene.complete(question(model="nosuch"))
    assert str(caught.value) == "a has no model nosuch; `manage.py providers models a` lists what there is"
    assert scene.sink.text == ""
    assert scene.complete(question()).provider == "offline"  # a model of the settings' that is gone


def test_without_any_provider_a_model_that_was_asked_for_is_refused_and_the_offline_one_may_be_asked_itself():
    for scene in (stage(OFFLINE), stage(model("a", has=None, present=False), OFFLINE)):
        with pytest.raises(ModelRefusal, match=r"^no provider has a model nosuch; "):
            scene.complete(question(model="nosuch"))
        assert scene.complete(question(model="nosuch", provider="offline")).provider == "offline"


@pytest.mark.parametrize("details", [{"model": "wanted"}, {"models": ("wanted",)}], ids=str)
def test_what_the_settings_name_is_not_looked_up(details):
    scene = stage(ActingModel(row("a", **details), [speech("Yes.")], has=False), OFFLINE)
    assert scene.complete(question(model="wanted")).model == "wanted"


def test_a_question_for_no_model_looks_nothing_up():
    scene = stage(model("a", has=False), OFFLINE)
    assert scene.complete().model == "a-1"


class Broken(ActingModel):
    """Its list fails as ``error`` says."""

    def offers(self, model, watch):
        raise self.error


def test_a_list_that_breaks_tells_nothing_and_a_cancelled_run_ends():
    broken = Broken(row("a"), [speech("Yes.")])
    broken.error = RuntimeError("a fault of the adapter")
    assert stage(broken, OFFLINE).complete(question(model="wanted")).model == "wanted"
    broken.error = Cancelled("the run was cancelled")
    with pytest.raises(Cancelled):
        stage(broken, OFFLINE).complete(question(model="wanted"))
