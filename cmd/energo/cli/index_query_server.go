package cli

import (
	"os"
	"slices"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/client"
	"github.com/spf13/cobra"
)

// askServer searches an index of a server by the pictures, items and words, and says what was answer.
func (o *queryFlags) askServer(cmd *cobra.Command, name string, pictures []string, q index.Query) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	examples, err := fileExamples(slices.Concat(pictures, o.not))
	if err != nil {
		return err
	}
	like, unlike := examples[:len(pictures):len(pictures)], examples[len(pictures):]
	for _, id := range o.like {
		like = append(like, client.Weighted{Example: client.Example{ID: id}})
	}
	for i, w := range o.weights {
		like[i].Weight = w
	}
	asked := client.Query{Like: like, Text: o.words, K: q.K, Offset: q.Offset, Within: q.Within, Filter: q.Filter}
	if len(unlike) > 0 {
		asked.Unlike, asked.Away = unlike, &o.away
	}
	answer, err := c.Index(name).Search(cmd.Context(), asked)
	if err != nil {
		return err
	}
	r := o.result(name, pictures)
	r.EncodeMillis, r.SearchMillis = answer.EncodeMillis, answer.SearchMillis
	for _, h := range answer.Hits {
		r.add(h.Hit, len(like) > 0, collection.Memory{})
	}
	return r.print(cmd.OutOrStdout(), o.offset, o.json)
}

// fileExamples are the files of pictures. What is not a picture is refused before anything is sent.
func fileExamples(paths []string) ([]client.Weighted, error) {
	if _, err := openPictures(paths); err != nil {
		return nil, err
	}
	var all []client.Weighted
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, client.Weighted{Example: client.Example{Image: file}})
	}
	return all, nil
}
