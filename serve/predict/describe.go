package predict

import (
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
)

// Routes lists everything that is answered.
func (s *Service) Routes() []serve.Route {
	model := openapi.Parameter{Name: "model", In: "query", Description: "The model's name, beside a body that is not JSON; it may be left out where there is one.", Schema: openapi.Text()}
	top := openapi.Parameter{Name: "top", In: "query", Description: "Classes of an answer, beside a body that is a picture.", Schema: openapi.Integer().With("minimum", 1, "default", defaultTop)}
	answer := func(description string, c openapi.Content) map[int]openapi.Answer {
		return map[int]openapi.Answer{200: {Description: description, Content: c}}
	}
	form := openapi.Object(map[string]openapi.Schema{"image": openapi.Bytes(), "model": openapi.Text(), "top": openapi.Text()}, "image")
	routes := []serve.Route{
		{Pattern: "POST /v1/classify", Do: s.classify, Doc: openapi.Operation{
			ID: "classify", Summary: "The classes of pictures", Parameters: []openapi.Parameter{model, top},
			Description: "The answer is the class of the least energy. Probabilities are p = exp(-beta (E - F)) with the free energy F = -(1/beta) log sum exp(-beta E); they are there where the model's loss gives the energies a scale. " +
				"F is high for pictures unlike those of training.",
			Body:    openapi.Content{"application/json": openapi.Ref("ClassifyRequest"), "image/*": openapi.Bytes(), "application/octet-stream": openapi.Bytes(), "multipart/form-data": form},
			Answers: answer("An answer for each picture, in their order.", openapi.Content{"application/json": openapi.Ref("ClassifyAnswer")}),
		}},
		{Pattern: "POST /v1/tag", Do: s.tag, Doc: openapi.Operation{
			ID: "tag", Summary: "The tags of words", Body: openapi.Content{"application/json": openapi.Ref("TagRequest")},
			Answers: answer("The sentences, in their order.", openapi.Content{"application/json": openapi.Ref("TagAnswer")}),
		}},
		{Pattern: "POST /v1/predict", Do: s.predict, Doc: openapi.Operation{
			ID: "predict", Summary: "Answers to the rows of a table", Parameters: []openapi.Parameter{model},
			Description: "A table in CSV comes back with the answers in columns behind its own.",
			Body:        openapi.Content{"application/json": openapi.Ref("PredictRequest"), csvType: openapi.Text()},
			Answers:     answer("An answer for each row, in their order.", openapi.Content{"application/json": openapi.Ref("PredictAnswer"), csvType: openapi.Text()}),
		}},
	}
	for i := range routes {
		routes[i].Scope = bearer.ScopeRead
		routes[i].Doc.Refusals = []int{404}
		routes[i].Doc.Schemas = schemas()
	}
	return routes
}

// orNull is a value that may be null.
func orNull(kind, description string) openapi.Schema {
	return openapi.Schema{"type": []string{kind, "null"}, "description": description}
}

// schemas are those of requests and answers.
func schemas() map[string]openapi.Schema {
	text, object, list, number := openapi.Text, openapi.Object, openapi.ListOf, openapi.Number
	picture := text().With("description", "A picture as a data URL, or in base64.")
	model := text().With("description", "The model's name; it may be left out where there is one.")
	share := number().With("minimum", 0, "maximum", 1)
	unscaled := text().With("description", "Why energies give no probabilities that mean something.")
	class := object(map[string]openapi.Schema{
		"label": text(), "class": openapi.Integer().With("description", "Its place among the classes, from 0."), "energy": number(), "probability": share,
	}, "label", "class", "energy")
	return map[string]openapi.Schema{
		"ClassifyRequest": object(map[string]openapi.Schema{
			"model": model, "image": picture, "images": list(picture).With("minItems", 1), "top": openapi.Integer().With("minimum", 1, "default", defaultTop, "description", "Classes of an answer."),
		}),
		"ClassifyAnswer": object(map[string]openapi.Schema{
			"model": text(), "beta": number().With("description", "Of the free energies and the probabilities."), "no_probabilities": unscaled,
			"threshold": orNull("number", "The free energy that 95 % of the run's test pictures do not exceed; null where none is known."),
			"answers": list(object(map[string]openapi.Schema{
				"label": text(), "gap": number().With("description", "How much higher the least energy of the other classes is."), "classes": list(class),
				"free_energy": number(), "foreign": orNull("boolean", "Whether the free energy is above the threshold."),
			}, "label", "gap", "classes", "free_energy", "foreign")),
		}, "model", "answers", "beta", "threshold"),
		"TagRequest": object(map[string]openapi.Schema{
			"model": model, "text": text().With("description", "A sentence a line."), "tokens": list(list(text())).With("description", "Sentences of words."),
			"attributes":    text().With("description", "Sequences in the form of CRFsuite's files, for taggers of such."),
			"probabilities": openapi.Bool().With("description", "Each tag with its probability."),
			"marginals":     openapi.Bool().With("description", "The probabilities of all tags."),
		}),
		"TagAnswer": object(map[string]openapi.Schema{
			"model": text(), "no_probabilities": unscaled,
			"sentences": list(object(map[string]openapi.Schema{
				"words": list(text()), "tags": list(text()), "probabilities": list(share), "marginals": list(openapi.MapOf(share)),
				"offsets": list(list(openapi.Integer()).With("minItems", 2, "maxItems", 2)).With("description", "Of the words in the text: the first character (code point) and the one behind the last."),
			}, "tags")),
		}, "model", "sentences"),
		"PredictRequest": object(map[string]openapi.Schema{
			"model": model, "columns": list(text()).With("description", "Names of the columns, where rows are lists."),
			"rows": list(openapi.Schema{"oneOf": []openapi.Schema{openapi.MapOf(openapi.Schema{}), list(openapi.Schema{})}}).
				With("minItems", 1, "description", "Cells by the names of their columns, or in the order of columns: numbers, strings, and null for what is missing."),
		}, "rows"),
		"PredictAnswer": object(map[string]openapi.Schema{
			"model": text(), "kind": text().With("enum", []string{"class", "classes", "number", "rank"}), "column": text().With("description", "The column that is answered."),
			"answers": list(object(map[string]openapi.Schema{
				"answer":   {"type": []string{"string", "number", "array"}, "items": text(), "description": "A class; classes; a number; a place in the group, from 1."},
				"energies": openapi.MapOf(number()), "energy": number(),
			}, "answer")),
		}, "model", "kind", "column", "answers"),
	}
}
