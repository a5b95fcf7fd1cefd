;; The same with the legacy instructions, which toolchains emitted until recently.
(module
  (tag $e (param i32))
  (global $zero (mut i32) (i32.const 0))
  (func $throw0 (param i32) (result i32) (throw $e (local.get 0)))
  ;; Five frames that do something after the call, recursive, so that none is inlined.
  (func $throw4 (param i32) (result i32) (call $deep (local.get 0) (i32.const 4)))
  (func $deep (param i32 i32) (result i32)
    (if (i32.eqz (local.get 1)) (then (throw $e (local.get 0))))
    (i32.add (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1))) (global.get $zero)))

  (func (export "legacy_same") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (try (result i32) (do (throw $e (local.get $n))) (catch $e))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "legacy_1") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (try (result i32) (do (call $throw0 (local.get $n))) (catch $e))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "legacy_5") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (try (result i32) (do (call $throw4 (local.get $n))) (catch $e))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func $again (param i32) (result i32)
    (try (result i32) (do (call $throw0 (local.get 0))) (catch_all (rethrow 0))))

  (func (export "legacy_rethrow") (param $n i32) (result i32)
    (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum)
        (try (result i32) (do (call $again (local.get $n))) (catch $e))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
