;; Exceptions, caught where they are thrown and some frames further out.
(module
  (tag $e (param i32))
  (tag $other)
  (global $zero (mut i32) (i32.const 0))

  (func $throw0 (param i32) (result i32)
    (throw $e (local.get 0)))
  ;; Five frames that do something after the call, recursive, so that none is inlined.
  (func $throw4 (param i32) (result i32) (call $deep (local.get 0) (i32.const 4)))
  (func $deep (param i32 i32) (result i32)
    (if (i32.eqz (local.get 1)) (then (throw $e (local.get 0))))
    (i32.add (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1))) (global.get $zero)))

  (func (export "throw_same") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (block $caught (result i32)
        (try_table (catch $e $caught) (throw $e (local.get $n)))
        (unreachable))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "throw_1") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (block $caught (result i32)
        (try_table (result i32) (catch $e $caught) (call $throw0 (local.get $n))))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "throw_5") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (block $caught (result i32)
        (try_table (result i32) (catch $e $caught) (call $throw4 (local.get $n))))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; Caught with its reference in one frame, thrown again, caught in the next.
  (func $again (param i32) (result i32)
    (block $caught (result exnref)
      (return (try_table (result i32) (catch_all_ref $caught) (call $throw0 (local.get 0)))))
    (throw_ref))

  (func (export "throw_ref") (param $n i32) (result i32)
    (local $sum i32)
    (loop $next
      (block $caught (result i32)
        (try_table (result i32) (catch $other $next) (catch $e $caught) (call $again (local.get $n))))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (type $thrower (func (param i32) (result i32)))
  (table funcref (elem $throw0 $throw4))

  (func (export "throw_indirect") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (block $caught (result i32)
        (try_table (result i32) (catch $e $caught) (call_indirect (type $thrower) (local.get $n) (i32.and (local.get $n) (i32.const 0)))))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func $maybe (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 5))))
    (i32.sub (local.get 0) (i32.const 1)))
  (func $maybe1 (param i32) (result i32) (i32.add (call $maybe (local.get 0)) (global.get $zero)))

  ;; What does not throw: calls of functions that could.
  (func (export "no_throw") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (block $caught (result i32)
        (try_table (result i32) (catch $e $caught) (call $maybe1 (local.get $n))))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
