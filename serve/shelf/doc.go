// Package shelf holds the models of a service by name, and lets them be replaced while requests use them.
//
// A request takes a model by its name, and gives it back:
//
//	held, err := models.Take(name) // 404, or 503 while the model is warmed up
//	if err != nil {
//		return err
//	}
//	defer held.Done()
//	… read the request …
//	if err := held.Enter(ctx); err != nil { // 429 where too many wait
//		return err
//	}
//	… use held.Model …
//
// which [Shelf.Handler] does for routes that have the name in their path.
//
// [Shelf.Put] warms a model up, and then has it take the place of what had its name. What was replaced stays with the requests that have
// taken it, and is closed when the last of them is done. So a model is replaced without a request that fails.
//
// Each model has a bounded number of places, so that a flood on one does not starve the others.
package shelf
