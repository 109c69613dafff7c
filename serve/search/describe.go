package search

import (
	"fmt"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/openapi"
)

// jsonOf is a body in JSON.
func jsonOf(s openapi.Schema) openapi.Content { return openapi.Content{"application/json": s} }

// pictureForms are the forms of a picture as a body.
func pictureForms(form openapi.Schema) openapi.Content {
	return openapi.Content{
		"image/*": openapi.Bytes(), "application/octet-stream": openapi.Bytes(), "multipart/form-data": form,
	}
}

func answer(description string, content openapi.Content) map[int]openapi.Answer {
	return map[int]openapi.Answer{200: {Description: description, Content: content}}
}

// schemas are those that requests and answers share.
func (s *Service) schemas() map[string]openapi.Schema {
	text, object, list := openapi.Text, openapi.Object, openapi.ListOf
	vector := list(openapi.Number()).With("minItems", 1, "description", "As long as those of the index, which its info says.")
	file := text().With("contentEncoding", "base64", "description", "A picture's file in base64.")
	fields := openapi.MapOf(text())
	bound := openapi.OneOf(openapi.Number(), text())
	condition := openapi.OneOf(text(), list(text()), object(map[string]openapi.Schema{
		"in": list(text()), "prefix": text(), "gt": bound, "gte": bound, "lt": bound, "lte": bound, "exists": openapi.Bool(),
	}))
	filters := list(openapi.Ref("FilterTree")).With("minItems", 1)
	tree := object(map[string]openapi.Schema{
		"and": filters, "or": filters, "not": openapi.Ref("FilterTree"),
		"label": openapi.Ref("Condition"), "id": openapi.Ref("Condition"), "fields": openapi.MapOf(openapi.Ref("Condition")),
	})
	query := map[string]openapi.Schema{
		"vector": vector, "image": file, "id": text().With("description", "An item, which is not among its own hits."),
		"text":   searchedText(),
		"like":   list(openapi.Ref("Example")).With("maxItems", maxExamples),
		"unlike": list(openapi.Ref("Example")).With("maxItems", maxExamples),
		"away":   openapi.Number().With("minimum", 0, "default", index.DefaultAway, "description", "How far the query moves away from unlike: q = p + away·(p − n), with the means p of like and n of unlike."),
		"k":      openapi.Integer().With("minimum", 1, "maximum", s.bounds.K, "default", defaultK),
		"offset": openapi.Integer().With("minimum", 0, "default", 0, "description", "Hits to leave out before these."),
		"within": openapi.Number().With("description", "Only items at most this far."),
		"filter": openapi.Ref("Filter"),
	}
	hit := map[string]openapi.Schema{
		"id": text(), "label": text(), "fields": fields,
		"distance": openapi.Number().With("description", "Missing where words alone were looked for."),
		"score":    openapi.Number().With("exclusiveMinimum", 0, "description", "Of a search with a text: more is better."),
		"thumb":    text().With("description", "Where its picture is, made small."),
		"picture":  text().With("description", "Where its picture is, as large as a screen."),
	}
	item := map[string]openapi.Schema{"id": text(), "vector": vector, "label": text(), "fields": fields, "thumb": text(), "picture": text()}
	values := object(map[string]openapi.Schema{
		"items": openapi.Integer(), "distinct": openapi.Integer(),
		"most": list(object(map[string]openapi.Schema{"value": text(), "items": openapi.Integer()}, "value", "items")),
	}, "items", "distinct", "most")
	return map[string]openapi.Schema{
		"Condition":  condition.With("description", "What is asked of a text: that it is this one, one of these, or everything of an object. Against a number, texts are compared as numbers."),
		"FilterTree": tree.With("description", "An item passes that passes everything that is set."),
		"Filter":     openapi.OneOf(text().With("description", "As text: label in (cat, dog) and year >= 2019 and not path ^= \"holiday/\"."), openapi.Ref("FilterTree")),
		"Example":    object(map[string]openapi.Schema{"vector": vector, "image": file, "id": text(), "weight": openapi.Number().With("exclusiveMinimum", 0, "default", 1)}).With("description", "One of vector, image and id."),
		"Query":      object(query).With("description", "One of vector, image, id and like says what to look for, or text, or text beside one of them."),
		"Hit":        object(hit, "id"),
		"Item":       object(item, "id"),
		"NewItem":    object(map[string]openapi.Schema{"id": text().With("minLength", 1, "maxLength", index.MaxID), "label": text(), "fields": fields, "vector": vector, "image": file}, "id").With("description", "One of vector and image says where it is."),
		"Values":     values.With("description", "The texts that items have, those of the most items first."),
	}
}

// times are the members of an answer that say how long it took.
func times(members map[string]openapi.Schema) openapi.Schema {
	members["encode_ms"] = openapi.Number().With("description", "Of the network, with waiting.")
	members["search_ms"] = openapi.Number().With("description", "Of the index, with waiting.")
	required := []string{"encode_ms", "search_ms"}
	for name := range members {
		if name == "hits" || name == "results" {
			required = append(required, name)
		}
	}
	return openapi.Object(members, required...)
}

func queryParam(name, description string, schema openapi.Schema) openapi.Parameter {
	return openapi.Parameter{Name: name, In: "query", Description: description, Schema: schema}
}

// searchedText is a text that is looked for.
func searchedText() openapi.Schema {
	return openapi.Text().With("minLength", 1, "maxLength", index.MaxText, "description", fmt.Sprintf("Words, at most %d different ones, that are looked for in identifiers, labels and fields by BM25. "+
		"Beside a vector, an item's score is the sum of 1/(60 + rank) over the two rankings. Only where info has texts.", index.MaxWords))
}

// filterParam is a filter in an address.
func filterParam() openapi.Parameter {
	return queryParam("filter", "Which items: as text, label in (cat, dog) and year >= 2019, or as JSON.", openapi.Text())
}

// idParam is the identifier in a path.
func idParam() openapi.Parameter {
	return openapi.Parameter{Name: "id", In: "path", Description: "Percent-encoded, slashes, too.", Schema: openapi.Text()}
}
