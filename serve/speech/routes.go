package speech

import (
	"github.com/energo-ml/energo/seq/text"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openai"
	"github.com/energo-ml/energo/serve/openapi"
)

// Routes lists everything that is answered.
func (s *Service) Routes() []serve.Route {
	routes := []serve.Route{
		{Pattern: "POST /v1/audio/transcriptions", Do: s.transcribe, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "transcribe", Summary: "The text of a recording",
			Description: "A field that has no effect beside the others is refused by its name.",
			Body:        openapi.Content{"multipart/form-data": s.transcriptionForm()}, Schemas: schemas(),
			Answers:  map[int]openapi.Answer{200: {Description: "The text.", Content: openapi.Content{"application/json": openapi.OneOf(openapi.Ref("Transcription"), openapi.Ref("VerboseTranscription")), "text/plain": openapi.Text(), "text/vtt": openapi.Text()}}},
			Refusals: []int{404},
		}},
		{Pattern: "POST /v1/audio/alignments", Do: s.align, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "align", Summary: "When the words of a text are said in a recording",
			Body: openapi.Content{"multipart/form-data": alignmentForm()}, Schemas: schemas(),
			Answers:  map[int]openapi.Answer{200: {Description: "The words and tokens.", Content: openapi.Content{"application/json": openapi.Ref("Alignment"), "text/plain": openapi.Text(), "text/vtt": openapi.Text(), "text/csv": openapi.Text()}}},
			Refusals: []int{404},
		}},
		{Pattern: "GET /v1/audio/stream", Do: s.stream, Scope: bearer.ScopeRead, Stream: true, Doc: openapi.Operation{
			ID: "stream", Summary: "A WebSocket: samples in, settled and open text out",
			Description: "The settings are the parameters, or without any, the first message, a JSON object of them. Then binary messages are samples of one channel; {\"type\":\"end\"} ends them. Package serve/speech describes the messages.",
			Parameters:  s.streamParameters(),
			Answers:     map[int]openapi.Answer{101: {Description: "The connection is a WebSocket."}}, Refusals: []int{400, 404, 413, 426},
		}},
	}
	for i := range routes {
		openai.Speak(&routes[i])
	}
	return routes
}

func enum(values ...string) openapi.Schema { return openapi.Text().With("enum", values) }

func number(least, most float64, about string) openapi.Schema {
	return openapi.Number().With("minimum", least, "maximum", most, "description", about)
}

// recordingFields are those of every form.
func recordingFields() map[string]openapi.Schema {
	return map[string]openapi.Schema{
		"file":    openapi.Text().With("contentMediaType", "application/octet-stream", "description", "A recording: WAV, FLAC, MP3, Ogg with Vorbis or Opus, AIFF or AU, known by its content."),
		"model":   openapi.Text().With("description", "The model's name; it may be left out where there is one."),
		"channel": openapi.Text().With("description", "mix, left, right, or the number of a channel from 1.", "default", "mix"),
	}
}

// decodingFields say how emissions become text.
func (s *Service) decodingFields() map[string]openapi.Schema {
	return map[string]openapi.Schema{
		"language":       enum(languageLevels()...).With("description", "That of hot_words."),
		"language_model": openapi.Text().With("description", "The name of a language model of the server."),
		"lm_weight":      number(0, maxWeight, "Of the language model.").With("default", defaultWeight),
		"hot_words":      openapi.ListOf(openapi.Text()).With("maxItems", s.o.HotWords, "description", "Words and phrases that are likelier here; each may end in =NATS. The name may end in []."),
		"hot_boost":      number(-maxWeight, maxWeight, "Nats for a hot word without its own.").With("default", defaultBoost),
		"normaliser":     enum(text.Levels()...).With("description", "How hot_words are spelled."),
		"beam":           openapi.Integer().With("minimum", 1, "maximum", s.o.Beam, "description", "Prefixes kept by the search; without it, a language model and hot words, the best class of each frame counts."),
	}
}

func (s *Service) transcriptionForm() openapi.Schema {
	f := recordingFields()
	for name, schema := range s.decodingFields() {
		f[name] = schema
	}
	f["response_format"] = enum(transcriptionFormats...).With("default", formatJSON)
	f["timestamp_granularities"] = openapi.ListOf(enum("word", "segment")).With("description", "Of verbose_json. The name may end in [].")
	f["temperature"] = openapi.Number().With("const", 0)
	f["stream"] = openapi.Bool().With("const", false)
	return openapi.Object(f, "file")
}

func alignmentForm() openapi.Schema {
	f := recordingFields()
	f["text"] = openapi.Text().With("description", "What is said; a word * stands for anything.")
	f["response_format"] = enum(alignmentFormats()...).With("default", formatJSON)
	f["normaliser"] = enum(text.Levels()...).With("default", text.Basic, "description", "How the text is taken to the tokens.")
	f["unknown"] = enum(unknowns...).With("default", string(text.Refuse), "description", "What becomes of characters that no token spells.")
	f["keep_lines"] = openapi.Bool().With("description", "End a subtitle with each line of the text.")
	return openapi.Object(f, "file", "text")
}

func (s *Service) streamParameters() (all []openapi.Parameter) {
	f := s.decodingFields()
	f["model"] = openapi.Text().With("description", "The model's name; it may be left out where there is one.")
	f["rate"] = openapi.Integer().With("enum", rates, "description", "Samples a second; the model's own without it.")
	f["format"] = enum(formatS16, formatF32).With("default", formatS16)
	f["silence"] = number(0.1, 60, "Seconds of silence that close a segment.").With("default", newStreamSettings().silence)
	f["delay"] = number(0.1, 30, "Seconds after which a search settles what its best prefix has.").With("default", newStreamSettings().delay)
	for _, k := range newStreamSettings().known {
		p := openapi.Parameter{Name: k.name, In: "query", Schema: f[k.name]}
		if k.list() != nil {
			p.Many, p.Schema = true, openapi.Text()
		}
		all = append(all, p)
	}
	return all
}

// schemas are those of answers.
func schemas() map[string]openapi.Schema {
	warning := openapi.Text().With("description", "Of a recording that is cut off: how much of it there is.")
	score := func(about string) openapi.Schema { return number(0, 1, about) }
	timed := map[string]openapi.Schema{
		"text": openapi.Text(), "start": openapi.Number(), "end": openapi.Number(), "log_prob": openapi.Number(),
		"confidence": score("Posterior probability, the mean over the frames."), "likelihood": score("What the model gives it in a frame, the geometric mean."),
		"doubtful": openapi.Bool(), "joined": openapi.Bool(), "unsaid": openapi.Bool(), "line": openapi.Integer(), "wildcard": openapi.Bool(),
	}
	return map[string]openapi.Schema{
		"Transcription": openapi.Object(map[string]openapi.Schema{"text": openapi.Text(), "warning": warning}, "text"),
		"VerboseTranscription": openapi.Object(map[string]openapi.Schema{
			"task": openapi.Text().With("const", "transcribe"), "language": openapi.Text(), "duration": openapi.Number(), "text": openapi.Text(), "warning": warning,
			"segments": openapi.ListOf(openapi.Ref("TranscriptionSegment")), "words": openapi.ListOf(openapi.Ref("TranscriptionWord")),
		}, "task", "language", "duration", "text"),
		"TranscriptionWord": openapi.Object(map[string]openapi.Schema{
			"word": openapi.Text(), "start": openapi.Number(), "end": openapi.Number(), "confidence": timed["confidence"], "likelihood": timed["likelihood"],
		}, "word", "start", "end", "confidence", "likelihood"),
		"TranscriptionSegment": openapi.Object(map[string]openapi.Schema{
			"id": openapi.Integer(), "seek": openapi.Integer(), "start": openapi.Number(), "end": openapi.Number(), "text": openapi.Text(),
			"tokens": openapi.ListOf(openapi.Integer()).With("description", "Classes of the model."), "temperature": openapi.Number(),
			"avg_logprob": openapi.Number(), "compression_ratio": openapi.Number(), "no_speech_prob": score("That none of its frames says a token."),
		}, "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob"),
		"Alignment": openapi.Object(map[string]openapi.Schema{
			"file": openapi.Text(), "unit": openapi.Text().With("const", "seconds"), "duration": openapi.Number(), "log_prob": openapi.Number(), "total": openapi.Number(),
			"words": openapi.ListOf(openapi.Ref("TimedWord")), "tokens": openapi.ListOf(openapi.Ref("TimedWord")),
		}, "file", "unit", "duration", "log_prob", "total", "words", "tokens"),
		"TimedWord": openapi.Object(timed, "text", "start", "end", "log_prob", "confidence", "likelihood"),
	}
}
