"""Asks a server of embeddings by the package openai of PyPI: client.py URL PICTURE."""

import sys

import openai

c = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
assert [m.id for m in c.models.list()] == ["pictures", "texts"]
assert c.models.retrieve("texts").owned_by == "energo"
picture = c.embeddings.create(model="pictures", input=[sys.argv[2]] * 2)  # in base64, which the client unpacks
assert [d.embedding for d in picture.data] == [[1, 0, 0]] * 2, picture
text = c.embeddings.create(model="texts", input=["ab", "c"], encoding_format="float")
assert [d.embedding for d in text.data] == [[97, 2], [99, 1]] and text.usage.total_tokens == 3, text
assert c.embeddings.create(model="texts", input=[[7, 8]]).data[0].embedding == [7, 2]
for wrong, kind, says in [
    (dict(model="none", input="a"), openai.NotFoundError, "there is no encoder"),
    (dict(model="texts", input="a", dimensions=1), openai.BadRequestError, "are not cut"),
    (dict(model="pictures", input="a"), openai.BadRequestError, "must be a data URL"),
]:
    try:
        c.embeddings.create(**wrong)
    except kind as e:
        assert says in e.message and e.body["type"] == "invalid_request_error", e
    else:
        raise AssertionError(wrong)
