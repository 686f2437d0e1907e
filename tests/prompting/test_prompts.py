"""Prompts: every part in its place, encoded at true length with the features and gradients of the full length."""

import pytest
import torch

from visual_relations.prompting.params import PromptParams
from visual_relations.prompting.prompts import PromptLearner, PromptWriter, encode_pairs

FRONT = "{context} {subject} {object} ."


def learner_for(clip, **params):
    torch.manual_seed(1)
    return PromptLearner.for_clip(PromptParams(**params), clip)


@pytest.mark.parametrize(("subject", "other"), [("man", "dog"), ("surfboard", "man"), ("railing", "surfboard")])
@pytest.mark.parametrize(("template", "text"), [(None, "{s} X X X X {o} ."), (FRONT, "X X X X {s} {o} .")])
def test_untrained_x_context_equals_the_written_text(clip, subject, other, template, text):
    params = {"n_context": 4, "image_bias": False, **({"template": template} if template else {})}
    learner = learner_for(clip, **params)
    prompt = PromptWriter(clip, learner.config.prompt).write(subject, other)
    encoded = encode_pairs(clip, [prompt], learner, torch.zeros(1, clip.dim))
    expected = clip.model.encode_text(clip.tokenizer([text.format(s=subject, o=other)]))
    torch.testing.assert_close(encoded, expected, atol=1e-5, rtol=1e-4)


def test_true_length_gives_the_features_and_gradients_of_all_positions(clip):
    learner = learner_for(clip, context_init="random")
    writer = PromptWriter(clip, learner.config.prompt)
    prompts = [writer.write("man", "horse"), writer.write("surfboard", "railing")]
    image = torch.randn(2, clip.dim)

    def gradients(encode):
        learner.zero_grad()
        encode().pow(2).sum().backward()
        return [parameter.grad.clone() for parameter in learner.parameters()]

    def full_length():
        ids = torch.zeros(2, 77, dtype=torch.int64)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt.tokens)] = torch.tensor(prompt.tokens)
        rows = clip.token_embedding(ids).clone()
        context = learner(image)
        for row, prompt in enumerate(prompts):
            rows[row, prompt.at : prompt.at + 8] = context[row]
        model = clip.model
        x = model.transformer(rows + model.positional_embedding, attn_mask=model.attn_mask)
        return model.ln_final(x)[torch.arange(2), ids.argmax(1)] @ model.text_projection

    torch.testing.assert_close(encode_pairs(clip, prompts, learner, image), full_length(), atol=1e-5, rtol=1e-4)
    short = gradients(lambda: encode_pairs(clip, prompts, learner, image))
    for ours, expected in zip(short, gradients(full_length), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


def test_the_bias_moves_all_context_rows_alike_and_sees_the_raw_feature(clip):
    learner = learner_for(clip)
    image = torch.randn(3, clip.dim)
    moved = learner(image) - learner.context_MW
    torch.testing.assert_close(moved, learner.bias(image)[:, None].expand_as(moved))
    assert not torch.allclose(learner(image), learner(image * 2))


def test_x_rows_are_equal_and_random_rows_differ(clip):
    assert torch.equal(*learner_for(clip, n_context=2).context_MW)
    assert not torch.equal(*learner_for(clip, n_context=2, context_init="random").context_MW)


def test_a_budget_cuts_the_end_and_keeps_the_end_token(clip):
    prompt = PromptWriter(clip, PromptParams(n_context=3, max_tokens=7)).write("man", "surfboard")
    assert len(prompt.tokens) == 7
    assert prompt.tokens[-1] == clip.tokenizer.eot_token_id
    assert (prompt.tokens[5],) == tuple(clip.word_ids("surfboard")[:1])


def test_a_budget_that_cuts_into_the_context_is_an_error(clip):
    with pytest.raises(ValueError, match="no room for 6 learnable"):
        PromptWriter(clip, PromptParams(n_context=6, max_tokens=8)).write("man", "dog")


@pytest.mark.parametrize("template", ["{subject} {context} .", "{subject}{context} {object}", "{subject} {object} ."])
def test_a_template_without_its_placeholders_is_an_error(template):
    with pytest.raises(ValueError, match="must hold"):
        PromptParams(template=template)
