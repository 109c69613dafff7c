// Package studio is a page in a browser over a folder of runs, as a service of package serve. It reads what runs write, also those of
// other processes, and asks nothing of a training.
//
// # To add a view
//
// A view is a module page/views/NAME.js, a line in page/views.js, and where it asks for more than there is, a Go file of its own, with a line in
// the list of routes. The module exports one object:
//
//	export default {
//	  path: "losses",              // of the address: #/losses
//	  title: "Losses",             // in the navigation
//	  style: "views/losses.css",   // optional: its own style, whose rules begin with #view-losses
//	  offline: true,               // optional: it works on a site without a server, too
//	  mount(root, state, api) {    // may be async
//	    // fill root, an empty section with the identifier view-losses
//	    return {
//	      update(state) {},        // the address has changed within the view; without, the view is mounted anew
//	      close() {},              // the view is left
//	    };
//	  },
//	};
//
// The state is the address, #/losses/PART?beta=2: state.path is "losses/PART", state.get("beta", "1") a parameter with what it is otherwise, and
// state.all("name") all of a name. A view keeps all that the user has chosen there, by api.go({beta: 3}), with {replace: true} while a
// slider moves, {quiet: true} where the view shows the change already, and {path: "losses/OTHER"} to go elsewhere. api.link({beta: 3}) is the
// address as an anchor's.
//
// api.get(path, parameters), api.post, put and remove (path, body, parameters), and api.file(path, blob) ask the server and throw what it says is wrong; api.events(path, {name: (data,
// id) => …}, lost) listens to server-sent events. All end with the view, as does api.signal. api.say(text) tells what happened,
// api.complain(error) shows an error.
//
// The modules of page/shared, which are files of serve/internal/pages, are for the page of searches, too: dom, and sketch, a canvas that digits are drawn on.
// Those of page/kit are for all views: tooltip, save (SVG, PNG, CSV), film (WebM, GIF), table, slider, theme, scenes (of the lecture); of surfaces grid, plane, relief (in three
// dimensions), arrows, pairs and colours. The content security
// policy forbids requests to other servers, inline scripts, and style attributes in markup; element.style may be set by scripts.
//
// On a site that Export has written, api.site is {day}, when that was, and null where there is a server. Of a view that is offline there must be an answer to all that it
// asks: by a function of package answer, which computes it in the browser, or by a file that Export writes and page/site/site.js finds. A view that is not is left out.
//
// The Go file has a function that returns its routes, below /v1/studio/NAME:
//
//	func (s *service) losses() []serve.Route
//
// with a Doc for the description, Stream for server-sent events, and tests that call them through a server.
package studio
