// Package client asks a server that energo serve runs, or a program with package serve:
//
//	c, err := client.New("http://127.0.0.1:8080", client.Options{Token: token})
//	hits, err := c.Index("photos").Search(ctx, client.Query{Vector: v, K: 10})
//
// What the server refuses is an [*Error]. A request is sent again where the server said that it did not do it (statuses 429 and 503), after the time
// that its Retry-After asks for, and where no connection came about, so that nothing was sent. A request that changes nothing is also sent again on a new connection
// where the server closes the one that was kept for it. After anything else it is never sent again: a change is done once. Files are read while they are sent, and are not held in memory.
//
// Errors of all methods that ask: an Error; a context that has ended, a connection that fails, an answer that cannot be read.
package client
