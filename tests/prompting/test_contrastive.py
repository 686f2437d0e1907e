"""Stage 1: the loss of the paper, frozen CLIP, and a training that resumes to the same weights."""

import pytest
import torch

from visual_relations.prompting.contrastive import ContrastivePairs, ShuffledPairs, contrastive_loss, train_prompts
from visual_relations.prompting.params import ContrastiveParams, PromptParams
from visual_relations.prompting.prompts import PromptLearner, PromptWriter


def make_pairs(clip, n=40):
    writer = PromptWriter(clip, PromptParams())
    torch.manual_seed(2)
    names = ["man", "dog", "surfboard", "tree"]
    prompts = [writer.write(names[i % 4], names[(i + 1) % 4]) for i in range(n)]
    return ContrastivePairs(prompts, torch.randn(n, clip.dim), torch.full((n,), 0.3))


def params(steps, **loop):
    loop = {"steps": steps, "device": "cpu", "log_every": 1, **loop}
    return ContrastiveParams(optimizer="adamw", learning_rate=0.01, batch_size=16, loop=loop)


def train(clip, recipe, folder=None):
    torch.manual_seed(0)
    learner = PromptLearner.for_clip(PromptParams(), clip)
    return learner, train_prompts(clip, learner, make_pairs(clip), recipe, folder)


def test_the_loss_is_the_log_share_of_the_positive():
    positive, negative = torch.tensor([0.2, 0.5]), torch.tensor([0.3, 0.1])
    expected = -(positive.exp() / (positive.exp() + negative.exp())).log().mean()
    torch.testing.assert_close(contrastive_loss(positive, negative, "softplus"), expected)
    torch.testing.assert_close(contrastive_loss(positive, negative, "cosine"), torch.tensor(0.65))


def test_training_raises_the_cosine_and_leaves_clip_alone(clip):
    before = clip.fingerprint
    _, history = train(clip, params(80))
    cosine = history.filter(name="cosine")["value"]
    assert cosine[-1] > cosine[0] + 0.1
    del clip.__dict__["fingerprint"]
    assert clip.fingerprint == before


def test_an_interrupted_training_continues_to_the_same_weights(clip, tmp_path):
    whole, _ = train(clip, params(12))

    class KilledError(Exception):
        pass

    def stop_in_the_middle(step):
        if step == 8:
            raise KilledError
        return original(step)

    batches = ShuffledPairs(40, 16, 0)
    original = batches.__getitem__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShuffledPairs, "__getitem__", lambda self, step: stop_in_the_middle(step))
        with pytest.raises(KilledError):
            train(clip, params(12, checkpoint_every_steps=5), tmp_path)
    resumed, _ = train(clip, params(12, checkpoint_every_steps=5), tmp_path)
    for ours, expected in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_every_epoch_sees_every_pair_once():
    batches = ShuffledPairs(10, 4, seed=3)
    first = torch.cat([batches[step] for step in range(3)])
    assert sorted(first.tolist()) == list(range(10))
    assert torch.equal(batches[1], ShuffledPairs(10, 4, seed=3)[1])


def test_a_broken_feature_is_named_before_training(clip):
    pairs = make_pairs(clip)
    pairs.image_ND[7, 3] = float("nan")
    with pytest.raises(ValueError, match="training pair 7 "):
        train_prompts(clip, PromptLearner.for_clip(PromptParams(), clip), pairs, params(1))
