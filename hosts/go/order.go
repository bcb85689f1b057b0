// Go, by cgo: order FOLDER
//
// Runs the function in FOLDER/order.pickle on rows of Go's, each in a goroutine of its own, and pickles a function that
// knows the totals.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
)

type row struct {
	name  string
	count int
	each  float64
}

func price(order *Object, r row) (float64, error) {
	answer, err := order.Call(r.name, r.count, r.each)
	if err != nil {
		return 0, err
	}
	return answer.Float()
}

func run(folder string) error {
	pickle, err := os.ReadFile(filepath.Join(folder, "order.pickle"))
	if err != nil {
		return err
	}
	order, err := Loads(pickle)
	if err != nil {
		return err
	}

	rows := []row{{"tea", 3, 2.5}, {"coffee", 10, 4.0}, {"milk", 2, 1.25}}
	prices, failures := make([]float64, len(rows)), make([]error, len(rows))
	var all sync.WaitGroup
	for i, r := range rows {
		all.Add(1)
		go func(i int, r row) {
			defer all.Done()
			prices[i], failures[i] = price(order, r)
		}(i, r)
	}
	all.Wait()

	total, flat := 0.0, []interface{}{}
	for i, r := range rows {
		if failures[i] != nil {
			return failures[i]
		}
		fmt.Printf("%s %.2f\n", r.name, prices[i])
		total += prices[i]
		flat = append(flat, r.name, prices[i])
	}
	fmt.Printf("total %.2f\n", total)

	_, err = price(order, row{"coffee", 1000, 4.0})
	var refused *Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("not refused: %v", err)
	}
	fmt.Printf("error %s: %s\n", refused.PythonType, refused)

	keep, err := Eval("lambda *flat: (lambda totals: lambda name: totals[name])(dict(zip(flat[::2], flat[1::2])))")
	if err != nil {
		return err
	}
	totals, err := keep.Call(flat...)
	if err != nil {
		return err
	}
	bytes, err := totals.Dumps()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "totals.pickle"), bytes, 0o644)
}

func main() {
	if err := Initialize(); err != nil {
		log.Fatal(err)
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	// References that are left end without harm when Go does.
	if err := Finalize(); err != nil {
		log.Fatal(err)
	}
}
