package cli

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// pictures is the script command "pictures DIR N": a folder of three classes of colour pictures, N of each:
// discs, squares and stripes of many sizes and colours, PNG or JPEG, wide or tall; all.csv lists them, and
// pairs.csv has pairs of them.
func pictures(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	rng := rand.New(rand.NewPCG(5, uint64(n)))
	var names []string
	list, err := os.Create(ts.MkAbs(args[0] + ".csv"))
	ts.Check(err)
	for i := range 3 * n {
		class := []string{"disc", "square", "stripes"}[i/n]
		name := filepath.Join(args[0], class, fmt.Sprintf("%02d.%s", i%n, []string{"png", "jpg"}[i%2]))
		names = append(names, name)
		ts.Check(os.MkdirAll(filepath.Join(dir, class), 0o777))
		f, err := os.Create(ts.MkAbs(name))
		ts.Check(err)
		if i%2 == 0 {
			ts.Check(png.Encode(f, shape(class, rng)))
		} else {
			ts.Check(jpeg.Encode(f, shape(class, rng), nil))
		}
		ts.Check(f.Close())
		fmt.Fprintf(list, "%s,%s\n", filepath.ToSlash(name), class)
	}
	ts.Check(list.Close())
	pairs, err := os.Create(ts.MkAbs(args[0] + "-pairs.csv"))
	ts.Check(err)
	fmt.Fprintln(pairs, "path1,path2,same")
	for k := range 12 * n {
		i := rng.IntN(3 * n)
		j := rng.IntN(3 * n)
		if k%2 == 0 {
			j = i/n*n + rng.IntN(n)
		}
		if i == j {
			continue
		}
		fmt.Fprintf(pairs, "%s,%s,%v\n", filepath.ToSlash(names[i]), filepath.ToSlash(names[j]), i/n == j/n)
	}
	ts.Check(pairs.Close())
}

// shape draws a picture of a class.
func shape(class string, rng *rand.Rand) image.Image {
	w, h := 20+rng.IntN(12), 20+rng.IntN(12)
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	ground, ink := color.RGBA{byte(rng.IntN(90)), byte(rng.IntN(90)), byte(rng.IntN(90)), 255}, color.RGBA{byte(160 + rng.IntN(90)), byte(160 + rng.IntN(90)), byte(160 + rng.IntN(90)), 255}
	x0, y0, r := w/2+rng.IntN(5)-2, h/2+rng.IntN(5)-2, 5+rng.IntN(3)
	for y := range h {
		for x := range w {
			dx, dy := x-x0, y-y0
			inside := map[string]bool{
				"disc":    dx*dx+dy*dy <= r*r && dx*dx+dy*dy >= r*r/4,
				"square":  max(dx, -dx) <= r && max(dy, -dy) <= r,
				"stripes": (y+r)/2%2 == 0,
			}[class]
			m.SetRGBA(x, y, ground)
			if inside {
				m.SetRGBA(x, y, ink)
			}
		}
	}
	return m
}

// classes is the script command "classes DIR C M": a folder of C classes of M pictures each, patches of colours that differ a little within a class.
func classes(ts *testscript.TestScript, _ bool, args []string) {
	many, err := strconv.Atoi(args[1])
	ts.Check(err)
	each, err := strconv.Atoi(args[2])
	ts.Check(err)
	rng := rand.New(rand.NewPCG(7, uint64(many)))
	const side = 4
	for k := range many {
		dir := filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("p%03d", k))
		ts.Check(os.MkdirAll(dir, 0o777))
		var colours [side * side * 3]int
		for i := range colours {
			colours[i] = rng.IntN(256)
		}
		for i := range each {
			m := image.NewRGBA(image.Rect(0, 0, side, side))
			for j := range side * side {
				near := func(c int) byte { return byte(max(0, min(colours[3*j+c]+rng.IntN(40)-20, 255))) }
				m.SetRGBA(j%side, j/side, color.RGBA{near(0), near(1), near(2), 255})
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.png", i)))
			ts.Check(err)
			ts.Check(png.Encode(f, m))
			ts.Check(f.Close())
		}
	}
}
