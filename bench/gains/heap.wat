;; The collector's heap: allocation, walks, fields, elements, casts.
(module
  (type $tree (struct (field (ref null $tree)) (field (ref null $tree))))
  (type $cell (struct (field $value i32) (field $next (mut (ref null $cell)))))
  (type $ints (array (mut i32)))
  (type $bytes (array (mut i8)))
  (rec
    (type $shape (sub (struct (field $kind i32))))
    (type $circle (sub $shape (struct (field $kind i32) (field $radius i32))))
    (type $square (sub $shape (struct (field $kind i32) (field $side i32))))
    (type $disk (sub final $circle (struct (field $kind i32) (field $radius i32) (field $hole i32)))))
  (type $shapes (array (mut (ref null $shape))))
  (type $values (array (mut eqref)))
  (type $point (struct (field $x (mut f64)) (field $y (mut f64)) (field $n (mut i32)) (field $b (mut i8))))

  (func $grow (param $depth i32) (result (ref $tree))
    (if (result (ref $tree)) (i32.eqz (local.get $depth))
      (then (struct.new $tree (ref.null $tree) (ref.null $tree)))
      (else (struct.new $tree
        (call $grow (i32.sub (local.get $depth) (i32.const 1)))
        (call $grow (i32.sub (local.get $depth) (i32.const 1)))))))

  (func $count (param $tree (ref $tree)) (result i32)
    (local $left (ref null $tree))
    (local.set $left (struct.get $tree 0 (local.get $tree)))
    (if (result i32) (ref.is_null (local.get $left))
      (then (i32.const 1))
      (else (i32.add (i32.const 1) (i32.add
        (call $count (ref.as_non_null (local.get $left)))
        (call $count (ref.as_non_null (struct.get $tree 1 (local.get $tree)))))))))

  ;; Binary trees of depth 12 that die at once, beside one of depth 16 that lives.
  (func (export "trees") (param $n i32) (result i32)
    (local $kept (ref $tree)) (local $sum i32)
    (local.set $kept (call $grow (i32.const 16)))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $count (call $grow (i32.const 12)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (local.get $sum) (call $count (local.get $kept))))

  ;; Structs that die at once.
  (func (export "struct_new") (param $n i32) (result i32)
    (local $cell (ref null $cell)) (local $sum i32)
    (loop $again
      (local.set $cell (struct.new $cell (local.get $n) (ref.null $cell)))
      (struct.set $cell $next (local.get $cell) (local.get $cell))
      (local.set $sum (i32.add (local.get $sum) (struct.get $cell $value (struct.get $cell $next (local.get $cell)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; Arrays of sixteen numbers that die at once.
  (func (export "array_new") (param $n i32) (result i32)
    (local $array (ref null $ints)) (local $sum i32)
    (loop $again
      (local.set $array (array.new $ints (local.get $n) (i32.const 16)))
      (local.set $sum (i32.add (local.get $sum) (array.get $ints (local.get $array) (i32.and (local.get $n) (i32.const 15)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "array_new_fixed") (param $n i32) (result i32)
    (local $array (ref null $ints)) (local $sum i32)
    (loop $again
      (local.set $array (array.new_fixed $ints 3 (local.get $n) (local.get $sum) (i32.const 7)))
      (local.set $sum (i32.add (local.get $sum) (array.get $ints (local.get $array) (i32.const 0))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func $list (param $length i32) (result (ref null $cell))
    (local $head (ref null $cell))
    (loop $again
      (local.set $head (struct.new $cell (local.get $length) (local.get $head)))
      (br_if $again (local.tee $length (i32.sub (local.get $length) (i32.const 1)))))
    (local.get $head))

  ;; A list of 10,000 cells, walked.
  (func (export "list_walk") (param $n i32) (result i32)
    (local $head (ref null $cell)) (local $cell (ref null $cell)) (local $sum i32)
    (local.set $head (call $list (i32.const 10000)))
    (loop $again
      (local.set $cell (local.get $head))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (struct.get $cell $value (local.get $cell))))
        (br_if $next (i32.eqz (ref.is_null (local.tee $cell (struct.get $cell $next (local.get $cell)))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; Sieves of 10,000 bytes.
  (func (export "array_sieve") (param $n i32) (result i32)
    (local $sieve (ref $bytes)) (local $i i32) (local $j i32) (local $count i32)
    (local.set $sieve (array.new_default $bytes (i32.const 10000)))
    (loop $again
      (array.fill $bytes (local.get $sieve) (i32.const 0) (i32.const 0) (i32.const 10000))
      (local.set $i (i32.const 2))
      (loop $outer
        (if (i32.eqz (array.get_u $bytes (local.get $sieve) (local.get $i)))
          (then
            (local.set $count (i32.add (local.get $count) (i32.const 1)))
            (local.set $j (i32.add (local.get $i) (local.get $i)))
            (block $done
              (loop $inner
                (br_if $done (i32.ge_u (local.get $j) (array.len (local.get $sieve))))
                (array.set $bytes (local.get $sieve) (local.get $j) (i32.const 1))
                (local.set $j (i32.add (local.get $j) (local.get $i)))
                (br $inner)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $outer (i32.lt_u (local.get $i) (i32.const 10000))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $count))

  ;; References moved within an array of 1,000: a bubble's pass over and over.
  (func (export "array_references") (param $n i32) (result i32)
    (local $shapes (ref $shapes)) (local $i i32) (local $a (ref null $shape)) (local $b (ref null $shape)) (local $sum i32)
    (local.set $shapes (array.new_default $shapes (i32.const 1000)))
    (loop $fill
      (array.set $shapes (local.get $shapes) (local.get $i)
        (struct.new $shape (i32.rem_u (i32.mul (local.get $i) (i32.const 7919)) (i32.const 1000))))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (loop $again
      (local.set $i (i32.const 0))
      (loop $next
        (local.set $a (array.get $shapes (local.get $shapes) (local.get $i)))
        (local.set $b (array.get $shapes (local.get $shapes) (i32.add (local.get $i) (i32.const 1))))
        (array.set $shapes (local.get $shapes) (local.get $i) (local.get $b))
        (array.set $shapes (local.get $shapes) (i32.add (local.get $i) (i32.const 1)) (local.get $a))
        (local.set $sum (i32.add (local.get $sum) (struct.get $shape $kind (local.get $b))))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 999))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "fields") (param $n i32) (result i32)
    (local $point (ref $point))
    (local.set $point (struct.new_default $point))
    (loop $again
      (struct.set $point $x (local.get $point) (f64.add (struct.get $point $x (local.get $point)) (f64.const 1)))
      (struct.set $point $y (local.get $point) (f64.mul (struct.get $point $x (local.get $point)) (f64.const 0.5)))
      (struct.set $point $n (local.get $point) (i32.add (struct.get $point $n (local.get $point)) (local.get $n)))
      (struct.set $point $b (local.get $point) (i32.add (struct.get_s $point $b (local.get $point)) (i32.const 3)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (struct.get $point $n (local.get $point)) (i32.add (struct.get_u $point $b (local.get $point))
      (i32.trunc_sat_f64_s (struct.get $point $y (local.get $point))))))

  (func $shapes (result (ref $shapes))
    (local $shapes (ref $shapes)) (local $i i32)
    (local.set $shapes (array.new_default $shapes (i32.const 1000)))
    (loop $fill
      (array.set $shapes (local.get $shapes) (local.get $i)
        (if (result (ref $shape)) (i32.rem_u (local.get $i) (i32.const 3))
          (then
            (if (result (ref $shape)) (i32.rem_u (local.get $i) (i32.const 2))
              (then (struct.new $circle (local.get $i) (i32.const 2)))
              (else (struct.new $square (local.get $i) (i32.const 3)))))
          (else (struct.new $disk (local.get $i) (i32.const 4) (i32.const 5)))))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (local.get $shapes))

  ;; 1,000 objects told apart by br_on_cast, with subtypes among them.
  (func (export "br_on_cast") (param $n i32) (result i32)
    (local $shapes (ref $shapes)) (local $i i32) (local $sum i32) (local $shape (ref null $shape))
    (local.set $shapes (call $shapes))
    (loop $again
      (local.set $i (i32.const 0))
      (loop $next
        (local.set $shape (array.get $shapes (local.get $shapes) (local.get $i)))
        (block $told
          (block $circle (result (ref $circle))
            (block $square (result (ref $square))
              (drop (br_on_cast $square (ref null $shape) (ref $square) (local.get $shape)))
              (br_on_cast $circle (ref null $shape) (ref $circle) (local.get $shape))
              (drop)
              (br $told))
            (local.set $sum (i32.add (struct.get $square $side) (local.get $sum)))
            (br $told))
          (local.set $sum (i32.add (struct.get $circle $radius) (local.get $sum))))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; A downcast that succeeds, to a type with subtypes and to a final one.
  (func (export "ref_cast") (param $n i32) (result i32)
    (local $shape (ref $shape)) (local $sum i32)
    (local.set $shape (struct.new $disk (i32.const 1) (i32.const 2) (i32.const 3)))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (struct.get $circle $radius (ref.cast (ref $circle) (local.get $shape)))))
      (local.set $sum (i32.add (local.get $sum) (struct.get $disk $hole (ref.cast (ref $disk) (local.get $shape)))))
      (if (i32.eq (local.get $sum) (i32.const 0x7fffffff)) (then (local.set $shape (struct.new $shape (i32.const 1)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; Small numbers as references in an array of 1,000.
  (func (export "i31") (param $n i32) (result i32)
    (local $values (ref $values)) (local $i i32) (local $sum i32)
    (local.set $values (array.new $values (ref.i31 (i32.const 0)) (i32.const 1000)))
    (loop $again
      (local.set $i (i32.const 0))
      (loop $next
        (array.set $values (local.get $values) (local.get $i) (ref.i31 (i32.add (local.get $i) (local.get $n))))
        (local.set $sum (i32.add (local.get $sum) (i31.get_s (ref.cast (ref i31)
          (array.get $values (local.get $values) (i32.sub (i32.const 999) (local.get $i)))))))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
