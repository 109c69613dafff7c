// Package speech serves models of speech: texts of recordings, and when a text is said in one, as OpenAI's clients send them, and texts of
// sound while it comes, over a WebSocket.
//
//	POST /v1/audio/transcriptions  the text of a recording: json, text, srt, vtt, verbose_json
//	POST /v1/audio/alignments      when the words of a text are said: json, srt, vtt, ass, TextGrid, ctm, csv
//	GET  /v1/audio/stream          a WebSocket: samples in, settled and open text out
//
// A request is a form (multipart/form-data) with a file, a recording of any format that package seq/audio reads, known by its content. The
// field model names the model; it may be left out where there is one. Besides OpenAI's fields there are language_model (by its name),
// lm_weight, hot_words[], hot_boost, normaliser, beam and channel. A field that would have no effect is refused by its name: prompt, a
// temperature above 0, stream, or lm_weight without a language_model. Problems are told as OpenAI tells them.
//
// A recording is decoded from the body, without a file, within bounds of seconds, samples and memory. As many requests use a model at once as
// there are processors, each with its own memory for the network, and the weights are shared; further ones wait, and too many are refused with
// status 429. Requests are not joined: recordings side by side in one pass of a convolutional network are slower on the same processors than one
// after the other, as their activations do not stay in the caches.
//
// # Streams
//
// The settings of a stream are in its address, ?model=m&rate=16000&format=s16le, or without any there, the first message, a JSON object:
//
//	{"model": "m", "rate": 16000, "format": "s16le", "silence": 0.8, "hot_words": ["energo"]}
//
// rate is that of the samples (the model's own if it is left out), format s16le or f32le. The answer is a message "ready", and then binary messages are samples of one
// channel, at most 256 KiB each. {"type": "end"} ends them. What is heard comes as JSON messages:
//
//	{"type": "text", "segment": 0, "time": 2.1, "settled": " two", "words": [{"word": "two", "start": 1.2, "end": 1.5, …}], "open": " thr"}
//	{"type": "segment", "segment": 0, "start": 0.4, "end": 3.1, "time": 3.1, "text": "one two three", "settled": " three", "words": […]}
//	{"type": "done", "segments": 1, "time": 5.0}
//
// settled is text that will not change; all that is settled in a segment, one after the other, is its text. open may change, and replaces what was
// open. A silence closes a segment. Where more sound comes than can be read, the server stops receiving. An error is told before the connection is closed:
//
//	{"type": "error", "error": {"message": "…", "type": "invalid_request_error", "param": "rate", "code": "invalid"}}
//
// Close codes: 1000 after "done"; 1001 where the server is being stopped, after "done", too; 1007 for samples that are not of the format; 1009
// for a message that is too large; 1011 where the server fails; and 4000 and a status of HTTP for what a request would be refused with: 4400,
// 4404 no such model, 4408 nothing came for long, 4413 the stream is too long, 4429 too much is under way.
package speech
