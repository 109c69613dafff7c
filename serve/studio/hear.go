package studio

import (
	"net/http"

	seqread "github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// The bounds of what is heard and read.
const (
	hearSeconds  = 60      // of a recording
	hearRate     = 48000   // samples a second that a recording of hearSeconds may have
	stripPixels  = 1 << 22 // of a strip's picture
	stripAspect  = 64      // a strip's width, in heights
	textMost     = 500     // characters of a text
	trellisMost  = 1 << 17 // states × frames of a trellis
	classesDrawn = 40      // whose posteriors are sent, at most
)

// hearing are the routes of the view that hears and reads.
func (s *service) hearing() []serve.Route {
	name := pathParam("name", "The recogniser, as the list has it, percent-encoded.")
	id := pathParam("id", "What was heard, as the answer has it.")
	bytes := openapi.Content{"application/octet-stream": openapi.Bytes()}
	text := openapi.Object(map[string]openapi.Schema{
		"text":    openapi.Text().With("maxLength", textMost, "description", "Without it, what the recogniser reads."),
		"trellis": openapi.Bool().With("description", "Whether the states of the text are sent."),
		"beta":    openapi.Number().With("exclusiveMinimum", 0, "maximum", betaMost, "default", 1, "description", "Of the trellis."),
	})
	return []serve.Route{
		{Pattern: "GET /v1/studio/hear", Do: s.recogniserList, Doc: openapi.Operation{
			ID: "recognisers", Summary: "The recognisers of speech and of strips", Description: "They are those of finished runs of the folder, and those that were named at the start, which come first where names are the same.",
			Answers: one("They, and what they may be sent.", recognisersSchema()),
		}},
		{Pattern: "GET /v1/studio/hear/{name}", Do: s.recogniserAbout, Doc: openapi.Operation{
			ID: "recogniser", Summary: "What a recogniser takes and writes", Parameters: []openapi.Parameter{name}, Answers: one("It.", recogniserSchema()), Refusals: []int{404, 422},
		}},
		{Pattern: "POST /v1/studio/hear/{name}", Do: s.hear, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "hear", Summary: "Have a recogniser read a recording or the picture of a strip",
			Description: "The body is the file: WAV, FLAC, MP3, Ogg with Vorbis or Opus, AIFF or AU; or PNG, JPEG, GIF, WebP, BMP or TIFF. What was read stays for other requests, until others take its place.",
			Parameters:  []openapi.Parameter{name}, Body: bytes, Answers: one("What was read, and how.", heardSchema()), Refusals: []int{404},
		}},
		{Pattern: "GET /v1/studio/heard/{id}", Do: s.heardAgain, Doc: openapi.Operation{
			ID: "heard", Summary: "What was read, once more", Parameters: []openapi.Parameter{id}, Answers: one("As when it was read.", heardSchema()), Refusals: []int{404},
		}},
		{Pattern: "GET /v1/studio/heard/{id}/sound", Do: s.sound, Doc: openapi.Operation{
			ID: "heardSound", Summary: "A recording that was read, as a WAV file of one channel and 16 bits", Parameters: []openapi.Parameter{id},
			Answers: map[int]openapi.Answer{200: {Description: "The file.", Content: openapi.Content{"audio/wav": openapi.Bytes()}}}, Refusals: []int{404},
		}},
		{Pattern: "POST /v1/studio/heard/{id}/text", Do: s.heardText, Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "heardText", Summary: "Align a text to what was read", Description: "Energies are −log of probabilities: least is that of the best alignment, free that of all alignments of the text together.",
			Parameters: []openapi.Parameter{id}, Body: openapi.Content{"application/json": text}, Answers: one("Its words and tokens, its energies, and its trellis.", alignedSchema()), Refusals: []int{404},
		}},
	}
}

func timedSchema() openapi.Schema {
	number := openapi.Number()
	share := number.With("minimum", 0, "maximum", 1)
	return openapi.ListOf(openapi.Object(map[string]openapi.Schema{
		"text": openapi.Text(), "start": number, "end": number, "log_prob": number, "confidence": share, "likelihood": share,
		"joined": openapi.Bool(), "unsaid": openapi.Bool(), "line": openapi.Integer(), "doubtful": openapi.Bool(), "wildcard": openapi.Bool(),
	}, "text", "start", "end", "log_prob", "confidence", "likelihood"))
}

func recognisersSchema() openapi.Schema {
	whole := openapi.Integer()
	row := openapi.Object(map[string]openapi.Schema{"name": openapi.Text(), "run": openapi.Bool(), "unit": words([]string{seqread.Seconds, seqread.Pixels})}, "name", "run", "unit")
	limits := openapi.Object(map[string]openapi.Schema{"seconds": whole, "pixels": whole, "aspect": whole, "text": whole, "bytes": whole}, "seconds", "pixels", "aspect", "text", "bytes")
	return openapi.Object(map[string]openapi.Schema{"recognisers": openapi.ListOf(row), "limits": limits}, "recognisers", "limits")
}

func recogniserSchema() openapi.Schema {
	return openapi.Object(map[string]openapi.Schema{
		"name": openapi.Text(), "unit": words([]string{seqread.Seconds, seqread.Pixels}), "tokens": openapi.ListOf(openapi.Text()), "classes": openapi.Integer(),
		"frame": openapi.Number(), "height": openapi.Integer(), "rate": openapi.Integer(),
	}, "name", "unit", "tokens", "classes", "frame")
}

func classSchema() openapi.Schema {
	return openapi.ListOf(openapi.Object(map[string]openapi.Schema{"class": openapi.Integer(), "name": openapi.Text()}, "class", "name"))
}

func alignedSchema() openapi.Schema {
	number, whole, floats := openapi.Number(), openapi.Integer(), openapi.Text().With("contentEncoding", "base64", "description", "Little-endian float32.")
	trellis := openapi.Object(map[string]openapi.Schema{
		"classes": classSchema(), "states": openapi.ListOf(whole).With("description", "Places in classes."), "emissions": floats.With("description", "Probabilities, [frames, classes], little-endian float32."),
		"occupancy": floats.With("description", "[frames, states], little-endian float32."), "path": openapi.ListOf(whole), "beta": number, "free": number, "least": number, "all": number,
	}, "classes", "states", "emissions", "occupancy", "path", "beta", "free", "least", "all")
	return openapi.Object(map[string]openapi.Schema{
		"text": openapi.Text(), "spelled": openapi.Text(), "words": timedSchema(), "tokens": timedSchema(), "free": number, "least": number,
		"trellis": trellis, "no_trellis": openapi.Text().With("description", "Why there is none."),
	}, "text", "spelled", "words", "tokens", "free", "least")
}

func heardSchema() openapi.Schema {
	number, whole, text := openapi.Number(), openapi.Integer(), openapi.Text()
	lines := openapi.Object(map[string]openapi.Schema{
		"rows": whole, "columns": whole, "low": number, "high": number, "own": openapi.Bool(),
		"shades": text.With("contentEncoding", "base64", "description", "Bytes, row by row, from low to high; of sound the lowest band first."),
	}, "rows", "columns", "low", "high", "own", "shades")
	posteriors := openapi.Object(map[string]openapi.Schema{"classes": classSchema(), "values": text.With("contentEncoding", "base64", "description", "[frames, classes], little-endian float32.")}, "classes", "values")
	return openapi.Object(map[string]openapi.Schema{
		"id": text, "recogniser": text, "unit": words([]string{seqread.Seconds, seqread.Pixels}), "length": number, "frames": whole, "frame": number, "offset": number, "lines": lines,
		"posteriors": posteriors, "reading": alignedSchema(), "all": number.With("description", "The free energy of all texts."), "warning": text,
	}, "id", "recogniser", "unit", "length", "frames", "frame", "offset", "lines", "posteriors", "reading", "all")
}

// recogniserRow is a recogniser as the list has it.
type recogniserRow struct {
	Name string `json:"name"`
	Run  bool   `json:"run"`
	Unit string `json:"unit"`
}

func (s *service) recogniserList(w http.ResponseWriter, _ *http.Request) error {
	rows, err := s.recognisers.list(s.o.Folder)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"recognisers": rows, "limits": map[string]any{
		"seconds": hearSeconds, "pixels": stripPixels, "aspect": stripAspect, "text": textMost, "bytes": s.Limits().Body,
	}})
	return nil
}

func (s *service) recogniserAbout(w http.ResponseWriter, r *http.Request) error {
	m, done, err := s.recogniser(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	defer done()
	about := map[string]any{"name": r.PathValue("name"), "unit": m.it.Unit, "frame": m.it.Frame, "classes": len(m.it.Classes)}
	tokens := m.it.Spellable()
	about["tokens"] = tokens[:min(len(tokens), 200)]
	if own := m.it.Reader; own != nil && own.Features() == nil {
		about["height"] = own.Network().Height
	} else if own != nil {
		about["rate"] = own.Rate()
	}
	wire.WriteJSON(w, http.StatusOK, about)
	return nil
}
