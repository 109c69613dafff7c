package search

import (
	"net/http"
	"slices"
	"strings"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// indexPath stands before the paths of an index that is named.
const indexPath = "/v1/indexes/{index}"

// Routes lists everything that is answered: of the only index, and of each by its name.
func (s *Service) Routes() []serve.Route {
	routes := append(s.beside.pages(), s.listRoute())
	for _, r := range slices.Concat(s.searchRoutes(), s.itemRoutes(), s.manyRoutes()) {
		r.Doc.Schemas = s.schemas()
		r.Doc.Refusals = append(r.Doc.Refusals, http.StatusNotFound, http.StatusTooManyRequests) // of the index
		routes = append(routes, r, named(r))
	}
	return routes
}

// named is a route for an index that its path names.
func named(r serve.Route) serve.Route {
	method, path, _ := strings.Cut(r.Pattern, " ")
	r.Pattern = method + " " + indexPath + strings.TrimPrefix(path, "/v1")
	r.Doc.ID = "index" + strings.ToUpper(r.Doc.ID[:1]) + r.Doc.ID[1:]
	r.Doc.Summary += ", of an index by its name"
	name := openapi.Parameter{Name: "index", In: "path", Description: "The index's name.", Schema: openapi.Text()}
	r.Doc.Parameters = append([]openapi.Parameter{name}, r.Doc.Parameters...)
	return r
}

func (s *Service) listRoute() serve.Route {
	one := openapi.Object(map[string]openapi.Schema{"name": openapi.Text(), "ready": openapi.Bool()}, "name", "ready")
	return serve.Route{Pattern: "GET /v1/indexes", Do: s.list, Plain: true, Doc: openapi.Operation{
		ID: "indexes", Summary: "The indexes by name", Schemas: s.schemas(),
		Answers: answer("All indexes.", jsonOf(openapi.Object(map[string]openapi.Schema{"indexes": openapi.ListOf(one)}, "indexes"))),
	}}
}

// list names the indexes.
func (s *Service) list(w http.ResponseWriter, _ *http.Request) error {
	type shown struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
	}
	all := []shown{}
	for _, name := range s.indexes.Names() {
		all = append(all, shown{name, s.indexes.Ready(name) == nil})
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"indexes": all})
	return nil
}

func (s *Service) searchRoutes() []serve.Route {
	const addressed = 1000 // characters, each up to 12 bytes in an address: a request's header has at most 16 KiB
	words := queryParam("text", "", searchedText().With("maxLength", addressed))
	k := queryParam("k", "", openapi.Integer().With("minimum", 1, "maximum", s.bounds.K, "default", defaultK))
	offset := queryParam("offset", "Hits to leave out before these.", openapi.Integer().With("minimum", 0))
	within := queryParam("within", "Only items at most this far.", openapi.Number())
	form := openapi.Object(map[string]openapi.Schema{
		"image": openapi.Bytes(), "text": openapi.Text(), "k": openapi.Text(), "offset": openapi.Text(), "within": openapi.Text(), "filter": openapi.Text(),
	}, "image")
	body := pictureForms(form)
	body["application/json"] = openapi.Ref("Query")
	hits := openapi.ListOf(openapi.Ref("Hit"))
	return []serve.Route{
		{Pattern: "POST /v1/search", Do: s.of((*store).search), Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "search", Summary: "The nearest items, or those that have words",
			Description: "A JSON object with all that is asked, or a picture as the body with parameters in the address, or as a form.",
			Parameters:  []openapi.Parameter{words, k, offset, within, filterParam()}, Body: body,
			Answers: answer("The hits, the nearest or those of the highest score first.", jsonOf(times(map[string]openapi.Schema{"hits": hits}))), Refusals: []int{404},
		}},
		{Pattern: "POST /v1/search/batch", Do: s.of((*store).searchBatch), Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: "searchBatch", Summary: "The items that several queries find",
			Body: jsonOf(openapi.Object(map[string]openapi.Schema{"queries": openapi.ListOf(openapi.Ref("Query")).With("minItems", 1, "maxItems", s.bounds.Batch)}, "queries")),
			Answers: answer("The hits of each query, in their order.", jsonOf(times(map[string]openapi.Schema{
				"results": openapi.ListOf(openapi.Object(map[string]openapi.Schema{"hits": hits}, "hits")),
			}))), Refusals: []int{404},
		}},
	}
}

func (s *Service) itemRoutes() []serve.Route {
	ids := []openapi.Parameter{idParam()}
	field := queryParam("field", "A field, as NAME=VALUE.", openapi.Text())
	field.Many = true
	body := pictureForms(openapi.Object(map[string]openapi.Schema{
		"image": openapi.Bytes(), "id": openapi.Text(), "label": openapi.Text(), "field": openapi.Text(),
	}, "image", "id"))
	body["application/json"] = openapi.Object(map[string]openapi.Schema{"items": openapi.ListOf(openapi.Ref("NewItem")).With("minItems", 1, "maxItems", s.bounds.Batch)}, "items")
	picture := openapi.Content{"image/png": openapi.Bytes(), "image/jpeg": openapi.Bytes()}
	return []serve.Route{
		{Pattern: "POST /v1/items", Do: s.of((*store).add), Doc: openapi.Operation{
			ID: "addItems", Summary: "Add items, which replace those of the same identifiers; all or none",
			Description: "When the answer comes they are on disk.",
			Parameters:  []openapi.Parameter{queryParam("id", "", openapi.Text()), queryParam("label", "", openapi.Text()), field}, Body: body,
			Answers: answer("They are added.", jsonOf(openapi.Object(map[string]openapi.Schema{"added": openapi.Integer()}, "added"))), Refusals: []int{507},
		}},
		{Pattern: "GET /v1/items/{id...}", Do: s.of((*store).get), Doc: openapi.Operation{
			ID: "getItem", Summary: "An item with its vector", Parameters: ids,
			Answers: answer("The item.", jsonOf(openapi.Ref("Item"))), Refusals: []int{404, 422},
		}},
		{Pattern: "PATCH /v1/items/{id...}", Do: s.of((*store).update), Doc: openapi.Operation{
			ID: "updateItem", Summary: "Change an item's label and fields", Parameters: ids,
			Description: "What is not named stays as it is; null takes a field away.",
			Body: jsonOf(openapi.Object(map[string]openapi.Schema{
				"label": openapi.Text(), "fields": openapi.MapOf(openapi.Schema{"type": []string{"string", "null"}}),
			})),
			Answers: answer("The item as it is now, without its vector.", jsonOf(openapi.Ref("Item"))), Refusals: []int{507},
		}},
		{Pattern: "DELETE /v1/items/{id...}", Do: s.of((*store).remove), Doc: openapi.Operation{
			ID: "deleteItem", Summary: "Take an item out", Parameters: ids,
			Answers: answer("It is out.", jsonOf(deleted())), Refusals: []int{404, 422, 507},
		}},
		{Pattern: "GET /v1/thumb/{id...}", Do: s.look((*store).thumb), Doc: openapi.Operation{
			ID: "thumb", Summary: "An item's picture, made small", Parameters: ids,
			Answers: answer("The picture.", picture), Refusals: []int{404, 422},
		}},
		{Pattern: "GET /v1/picture/{id...}", Do: s.look((*store).picture), Doc: openapi.Operation{
			ID: "picture", Summary: "An item's picture, as large as a screen", Parameters: ids,
			Answers: answer("The picture.", picture), Refusals: []int{404, 422},
		}},
	}
}

func deleted() openapi.Schema {
	return openapi.Object(map[string]openapi.Schema{"deleted": openapi.Integer()}, "deleted")
}

func (s *Service) manyRoutes() []serve.Route {
	limit := func(most int) openapi.Parameter {
		return queryParam("limit", "", openapi.Integer().With("minimum", 1, "maximum", most, "default", min(most, defaultPage)))
	}
	return []serve.Route{
		{Pattern: "GET /v1/items", Do: s.of((*store).list), Doc: openapi.Operation{
			ID: "listItems", Summary: "Items that pass a filter, a part at a time",
			Parameters: []openapi.Parameter{
				limit(s.bounds.K), queryParam("after", "What next of the part before was.", openapi.Text()), filterParam(), queryParam("vectors", "With their vectors.", openapi.Bool()),
			},
			Answers: answer("Some items; next, if there are more.", jsonOf(openapi.Object(map[string]openapi.Schema{
				"items": openapi.ListOf(openapi.Ref("Item")), "next": openapi.Text(),
			}, "items"))), Refusals: []int{400, 422},
		}},
		{Pattern: "POST /v1/items/delete", Do: s.of((*store).deleteMany), Doc: openapi.Operation{
			ID: "deleteItems", Summary: "Take out items by their identifiers, or by a filter; all or none",
			Body: jsonOf(openapi.Object(map[string]openapi.Schema{
				"ids": openapi.ListOf(openapi.Text()).With("maxItems", s.bounds.Batch), "filter": openapi.Ref("Filter"),
				"dry_run": openapi.Bool().With("description", "Count them, and leave them."),
			})),
			Answers: answer("How many there were.", jsonOf(deleted())), Refusals: []int{507},
		}},
		{Pattern: "GET /v1/values", Do: s.of((*store).values), Doc: openapi.Operation{
			ID: "values", Summary: "The labels and fields of the items that pass a filter, counted",
			Parameters: []openapi.Parameter{filterParam(), limit(mostValues)},
			Answers: answer("The texts that items have.", jsonOf(openapi.Object(map[string]openapi.Schema{
				"items": openapi.Integer(), "labels": openapi.Ref("Values"), "fields": openapi.MapOf(openapi.Ref("Values")),
			}, "items", "labels"))), Refusals: []int{400, 422},
		}},
		{Pattern: "GET /v1/map", Do: s.of((*store).mapOf), Doc: openapi.Operation{
			ID: "map", Summary: "A plane on which items with near vectors are near",
			Description: "Of more items than limit, a sample. Places are from −1 to 1; the same items have the same places.",
			Parameters:  []openapi.Parameter{filterParam(), queryParam("limit", "", openapi.Integer().With("minimum", 1, "maximum", mostMap, "default", defaultMap))},
			Answers: answer("The items and where they are.", jsonOf(openapi.Object(map[string]openapi.Schema{
				"items": openapi.ListOf(openapi.Object(map[string]openapi.Schema{
					"id": openapi.Text(), "label": openapi.Text(), "thumb": openapi.Text(), "picture": openapi.Text(), "x": openapi.Number(), "y": openapi.Number(),
				}, "id", "x", "y")),
				"of":   openapi.Integer().With("description", "Items that pass the filter and were looked at."),
				"more": openapi.Bool().With("description", "There are more, which were not looked at."),
			}, "items", "of"))), Refusals: []int{400, 422},
		}},
		{Pattern: "GET /v1/info", Do: s.look((*store).info), Doc: openapi.Operation{
			ID: "info", Summary: "The index, and the limits that clients can heed",
			Answers: answer("What the server is.", jsonOf(openapi.Object(map[string]openapi.Schema{
				"index": {"type": "object"}, "pictures": openapi.Bool().With("description", "Pictures can be sent."), "read_only": openapi.Bool(),
				"encoder": openapi.Object(map[string]openapi.Schema{"width": openapi.Integer(), "height": openapi.Integer(), "channels": openapi.Integer()}, "width", "height", "channels").
					With("description", "The pictures that the encoder works on; others are fitted to them."),
				"values": openapi.Bool().With("description", "GET /v1/values is answered."),
				"texts":  openapi.Bool().With("description", "Searches may have a text."),
				"limits": openapi.Object(map[string]openapi.Schema{"body_bytes": openapi.Integer(), "pixels": openapi.Integer(), "k": openapi.Integer(), "batch": openapi.Integer()}, "body_bytes", "pixels", "k", "batch"),
			}, "index", "pictures", "values", "texts", "read_only", "limits"))),
		}},
	}
}
