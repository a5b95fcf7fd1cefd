;; A branch back to a loop that begins with br_table is written as that dispatch: what lay on the stack below an open block was lost, and a copied head was taken for that of an inner loop.
(module
  (global $g (mut i32) (i32.const 1))
  (func (export "kept") (param $p i32) (param $c i32) (result i32)
    (loop $L
      (block $a (br_table $a (local.get $p)))
      (local.get $p)
      (if (local.get $c) (then (local.set $c (i32.const 0)) (br $L)))
      (return))
    (unreachable))
  (func (export "wide") (param $p i32) (param $c i32) (result f64)
    (loop $L
      (block $a (br_table $a (local.get $p)))
      (f64.convert_i32_s (local.get $p))
      (if (local.get $c) (then (local.set $c (i32.const 0)) (br $L)))
      (return))
    (unreachable))
  (func (export "inner") (result i32) (local $pc i32) (local $n i32)
    (loop $L1
      (block $b
        (block $a (br_table $a $b (local.get $pc)))
        (loop $L2
          (if (global.get $g) (then (global.set $g (i32.const 0)) (br $L1)))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (if (i32.eq (local.get $n) (i32.const 2)) (then (return (i32.const 42))))
          (local.set $pc (i32.const 1))
          (br $L2)))
      (return (i32.const 7)))
    (unreachable))
  (func (export "nested") (param $p i32) (param $n i32) (result i32)
    (loop $L
      (if (local.get $n) (then (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $L)))
      (block $a (block $b (br_table $a $b (local.get $p))) (return (i32.const 5)))
      (local.set $p (i32.const 1))
      (br $L))
    (unreachable)))
(assert_return (invoke "kept" (i32.const 7) (i32.const 0)) (i32.const 7))
(assert_return (invoke "kept" (i32.const 7) (i32.const 1)) (i32.const 7))
(assert_return (invoke "wide" (i32.const 7) (i32.const 1)) (f64.const 7))
(assert_return (invoke "inner") (i32.const 42))
(assert_return (invoke "nested" (i32.const 0) (i32.const 3)) (i32.const 5))
(assert_return (invoke "nested" (i32.const 1) (i32.const 0)) (i32.const 5))
