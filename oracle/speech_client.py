"""Asks a server of speech by OpenAI's own client, and streams to it by the client websockets; fails where an answer is not what it should be.

    python3 oracle/speech_client.py http://HOST:PORT RECORDING TEXT

RECORDING is a WAV file of 16-bit samples that says TEXT, by the server's only model. The test TestClients of package serve/speech runs
it. Needs openai and websockets.
"""

import asyncio
import json
import sys
import wave

import openai
import websockets


def transcriptions(client, path, text):
    """Every format, and what is refused."""
    model = client.models.list().data[0]
    assert model.object == "model" and client.models.retrieve(model.id).id == model.id, model
    name = model.id

    def ask(**named):
        with open(path, "rb") as file:
            return client.audio.transcriptions.create(model=name, file=file, **named)

    assert ask().text == text, ask()
    assert ask(response_format="json", temperature=0).text == text
    assert ask(response_format="text").strip() == text
    assert "-->" in ask(response_format="srt")
    assert ask(response_format="vtt").startswith("WEBVTT")
    said = ask(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert said.text == text and [w.word for w in said.words] == text.split(), said
    assert said.segments[0].start == said.words[0].start and said.segments[-1].end == said.words[-1].end <= said.duration, said
    assert all(0 < w.confidence <= 1 for w in said.words), said
    assert ask(extra_body={"beam": 4, "hot_words": [text.split()[0] + "=0.1"]}).text == text
    for error, words, named in [
        (openai.BadRequestError, "prompt has no effect", {"prompt": "hello"}),
        (openai.BadRequestError, "temperature has no effect", {"temperature": 0.5}),
        (openai.BadRequestError, "beam is 100000", {"extra_body": {"beam": 100000}}),
        (openai.BadRequestError, "stream has no effect", {"stream": True}),
    ]:
        try:
            ask(**named)
        except error as e:
            assert words in str(e) and e.type == "invalid_request_error" and e.param, (e, e.param)
        else:
            raise AssertionError(f"{named} is taken")
    try:
        client.models.retrieve("nothing")
    except openai.NotFoundError:
        pass
    else:
        raise AssertionError("there is a model that there is not")
    return name


async def streams(url, path, text, name):
    """Settled text makes up the segments, and these the recording; what is wrong has a close code."""
    with wave.open(path) as w:
        rate, samples = w.getframerate(), w.readframes(w.getnframes())
    address = url.replace("http", "ws", 1) + "/v1/audio/stream"
    async with websockets.connect(f"{address}?model={name}&rate={rate}") as socket:
        await socket.ping()
        for at in range(0, len(samples), 3200):
            await socket.send(samples[at : at + 3200])
        await socket.send(json.dumps({"type": "end"}))
        settled, segments, last = "", [], None
        async for message in socket:
            last = json.loads(message)
            settled += last.get("settled", "")
            if last["type"] == "segment":
                assert last["text"] == settled, last
                segments.append(settled)
                settled = ""
        assert " ".join(segments) == text and last["type"] == "done" and last["segments"] == len(segments), (segments, last)
    assert socket.close_code == 1000, socket.close_code
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"rate": 1}))
        failed = json.loads(await socket.recv())
        assert failed["type"] == "error" and failed["error"]["param"] == "rate", failed
        try:
            await socket.recv()
        except websockets.ConnectionClosed as e:
            assert e.rcvd.code == 4400, e
    try:
        async with websockets.connect(f"{address}?model=nothing"):
            raise AssertionError("there is a model that there is not")
    except websockets.InvalidStatus as e:
        assert e.response.status_code == 404, e


def main():
    url, path, text = sys.argv[1:]
    client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
    name = transcriptions(client, path, text)
    asyncio.run(streams(url, path, text, name))
    print(f"openai {openai.__version__} and websockets {websockets.__version__} are answered")


main()
