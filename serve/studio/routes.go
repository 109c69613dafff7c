package studio

import (
	"maps"
	"slices"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
)

// Routes are the page and what its views ask for. Each view has a function of its own.
func (s *service) Routes() []serve.Route {
	return slices.Concat(studioPage().Routes(), s.runs(), s.oneRun(), s.lesson(), s.surfaces(), s.losses(), s.ctc(), s.draw(), s.hearing(), s.searched())
}

func one(description string, schema openapi.Schema) map[int]openapi.Answer {
	return map[int]openapi.Answer{200: {Description: description, Content: openapi.Content{"application/json": schema}}}
}

// stream is the answer of server-sent events.
func stream(description string) map[int]openapi.Answer {
	return map[int]openapi.Answer{200: {Description: description, Content: openapi.Content{"text/event-stream": openapi.Text()}}}
}

func pathParam(name, description string) openapi.Parameter {
	return openapi.Parameter{Name: name, In: "path", Description: description, Schema: openapi.Text()}
}

func queryParam(name, description string, schema openapi.Schema) openapi.Parameter {
	return openapi.Parameter{Name: name, In: "query", Description: description, Schema: schema}
}

func words(lists ...[]string) openapi.Schema {
	var all []any
	for _, list := range lists {
		for _, word := range list {
			all = append(all, word)
		}
	}
	return openapi.Text().With("enum", all)
}

// runs are the routes of the view of the runs.
func (s *service) runs() []serve.Route {
	name := pathParam("name", "The run, percent-encoded; the slash of SWEEP/RUN is sent as %2F.")
	of := map[string]openapi.Schema{"note": openapi.Text(), "tags": openapi.ListOf(openapi.Text()).With("maxItems", tagsMost)}
	curve := openapi.Object(map[string]openapi.Schema{"run": openapi.Text(), "x": openapi.ListOf(maybe()), "y": openapi.ListOf(maybe())}, "run", "x", "y")
	several := queryParam("run", "A run.", openapi.Text())
	several.Many = true
	return []serve.Route{
		{Pattern: "GET /v1/studio/runs", Do: s.runList, Doc: openapi.Operation{
			ID: "runs", Summary: "The runs of the folder", Description: "Settings are texts, as config.yaml has them. Figures are those of the last epoch, and of the test set where a run has been measured.",
			Answers: one("The runs, and what the numbers are of.", runsSchema()),
		}},
		{Pattern: "GET /v1/studio/changes", Do: s.changes, Stream: true, Doc: openapi.Operation{
			ID: "changes", Summary: "The runs, and what changes of them, as server-sent events",
			Description: `The event runs has all, and changed those that are new or others: {"list": as /v1/studio/runs, "gone": [names]}.`,
			Answers:     stream("The events."),
		}},
		{Pattern: "GET /v1/studio/runs/{name}/events", Do: s.events, Stream: true, Doc: openapi.Operation{
			ID: "runEvents", Summary: "The events of a run, and those to come, as server-sent events",
			Description: "The data of each is a line of the run's events.jsonl. The event reset says that the log was cut, as by a run that was resumed, and is sent from its beginning. Last-Event-ID continues.",
			Parameters:  []openapi.Parameter{name, queryParam("from", "Whether the events so far are sent, too.", words([]string{"start", "end"}))},
			Answers:     stream("The events."), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/curves", Do: s.curves, Doc: openapi.Operation{
			ID: "curves", Summary: "Curves of runs",
			Description: "Of long ones, the least and the greatest of each stretch. null is what is not finite.",
			Parameters: []openapi.Parameter{
				several, queryParam("of", "What is drawn.", words(stepKeys, epochKeys)), queryParam("by", "Along what.", words(byKeys)),
				queryParam("points", "At most about this number of a curve.", openapi.Integer().With("minimum", 2, "maximum", pointsMost, "default", 600)),
			},
			Answers: one("The curves.", openapi.Object(map[string]openapi.Schema{"curves": openapi.ListOf(curve)}, "curves")), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "PUT /v1/studio/runs/{name}/notes", Do: s.annotate, Doc: openapi.Operation{
			ID: "annotate", Summary: "Keep a note and tags beside a run", Parameters: []openapi.Parameter{name},
			Body: openapi.Content{"application/json": openapi.Object(of)}, Answers: one("They are kept.", openapi.Object(of, "note", "tags")), Refusals: []int{404},
		}},
		{Pattern: "DELETE /v1/studio/runs/{name}", Do: s.remove, Doc: openapi.Operation{
			ID: "deleteRun", Summary: "Move a run to the trash", Parameters: []openapi.Parameter{name}, Answers: one("It is there.", trashedSchema()), Refusals: []int{404, 422},
		}},
		{Pattern: "GET /v1/studio/trash", Do: s.trash, Doc: openapi.Operation{
			ID: "trash", Summary: "The runs in the trash", Answers: one("They, the latest first.", openapi.Object(map[string]openapi.Schema{"trash": openapi.ListOf(trashedSchema())}, "trash")),
		}},
		{Pattern: "POST /v1/studio/trash/{id}/restore", Do: s.restore, Doc: openapi.Operation{
			ID: "restoreRun", Summary: "Move a run back from the trash", Parameters: []openapi.Parameter{pathParam("id", "As the list of the trash has it.")},
			Answers: one("It is back.", trashedSchema()), Refusals: []int{404, 422},
		}},
	}
}

// maybe is a number, or null for one that is not finite.
func maybe() openapi.Schema { return openapi.Schema{"type": []any{"number", "null"}} }

func trashedSchema() openapi.Schema {
	return openapi.Object(map[string]openapi.Schema{"id": openapi.Text(), "run": openapi.Text(), "deleted": openapi.Text()}, "id", "run", "deleted")
}

func runsSchema() openapi.Schema {
	members, required := runsMembers()
	return openapi.Object(members, required...)
}

// runsMembers are those of a list of runs, with the names of those that are always there.
func runsMembers() (map[string]openapi.Schema, []string) {
	texts := openapi.ListOf(openapi.Text())
	number := openapi.OneOf(openapi.Number(), openapi.Text().With("enum", []any{"NaN", "Infinity", "-Infinity"}))
	always := map[string]openapi.Schema{
		"name": openapi.Text(), "state": openapi.Text().With("enum", states), "settings": openapi.MapOf(openapi.Text()), "figures": openapi.MapOf(number),
		"epoch": openapi.Integer(), "epochs": openapi.Integer(), "step": openapi.Integer(), "steps": openapi.Integer(), "seconds": openapi.Number(),
		"notes": texts, "note": openapi.Text(), "tags": texts,
	}
	all := maps.Clone(always)
	for _, name := range []string{"why", "started", "last", "collapsed"} {
		all[name] = openapi.Text()
	}
	quantity := openapi.Object(map[string]openapi.Schema{"key": openapi.Text(), "name": openapi.Text(), "unit": openapi.Text(), "note": openapi.Text()}, "key", "name", "unit")
	return map[string]openapi.Schema{
		"runs": openapi.ListOf(openapi.Object(all, slices.Sorted(maps.Keys(always))...)), "quantities": openapi.MapOf(quantity),
		"curves": openapi.Object(map[string]openapi.Schema{"step": texts, "epoch": texts}, "step", "epoch"),
	}, []string{"runs", "quantities", "curves"}
}
