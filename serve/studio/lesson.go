package studio

import (
	"fmt"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/studio/answer"
)

// lesson are the routes of the view that trains.
func (s *service) lesson() []serve.Route {
	object := openapi.Content{"application/json": {"type": "object"}}
	id := []openapi.Parameter{{Name: "id", In: "path", Description: "The lesson's.", Schema: openapi.Text()}}
	said := func(text string) map[int]openapi.Answer {
		return map[int]openapi.Answer{200: {Description: text, Content: object}}
	}
	return s.computed([]serve.Route{
		{Pattern: "GET /v1/studio/lessons", Doc: openapi.Operation{
			ID: "lessonChoices", Summary: "What lessons can be", Answers: said("Sets, energies, functionals, objectives, samplers and their defaults."),
		}},
		{Pattern: "POST /v1/studio/lessons", Doc: openapi.Operation{
			ID: "newLesson", Summary: "A surface to be trained", Body: object, Answers: said("Its identifier."),
			Description: fmt.Sprintf("At most %d are kept: another then ends the one that has not been used for the longest.", answer.LessonsMost),
		}},
		{Pattern: "POST /v1/studio/lessons/{id}", Doc: openapi.Operation{
			ID: "turnLesson", Summary: "Change settings, train, move chains, and look", Parameters: id, Body: object,
			Answers: said("Where training and chains are, and the surface where it was asked for."), Refusals: []int{404},
		}},
		{Pattern: "DELETE /v1/studio/lessons/{id}", Doc: openapi.Operation{
			ID: "endLesson", Summary: "End a lesson", Parameters: id, Answers: said("It is ended, or was."),
		}},
	})
}
