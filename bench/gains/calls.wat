;; Calls through tables and references, to one callee or to eight in turn.
(module
  (type $f (func (param i32 i32) (result i32)))
  (type $open (sub (func (param i32 i32) (result i32))))
  (type $table (array (mut (ref null $f))))
  (func $f0 (type $f) (i32.add (local.get 0) (local.get 1)))
  (func $f1 (type $f) (i32.sub (local.get 0) (local.get 1)))
  (func $f2 (type $f) (i32.xor (local.get 0) (local.get 1)))
  (func $f3 (type $f) (i32.or (local.get 0) (local.get 1)))
  (func $f4 (type $f) (i32.and (local.get 0) (local.get 1)))
  (func $f5 (type $f) (i32.mul (local.get 0) (local.get 1)))
  (func $f6 (type $f) (i32.rotl (local.get 0) (local.get 1)))
  (func $f7 (type $f) (i32.shr_u (local.get 0) (local.get 1)))
  (func $g0 (type $open) (i32.add (local.get 0) (local.get 1)))
  (table $fixed 8 8 funcref)
  (elem (table $fixed) (i32.const 0) func $f0 $f1 $f2 $f3 $f4 $f5 $f6 $f7)
  (table $grown 1 funcref)
  (elem (table $grown) (i32.const 0) func $g0)
  (global $callee (mut (ref null $f)) (ref.func $f0))

  ;; Not inlined: it is recursive.
  (func $direct (param i32 i32) (result i32)
    (if (result i32) (i32.eq (local.get 1) (i32.const -1))
      (then (call $direct (local.get 0) (i32.const 0)))
      (else (i32.add (local.get 0) (local.get 1)))))
  (func (export "call") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (call $direct (local.get $sum) (local.get $n)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "call_indirect_1") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (call_indirect $fixed (type $f) (local.get $sum) (local.get $n) (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "call_indirect_8") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (call_indirect $fixed (type $f) (local.get $sum) (local.get $n) (i32.and (local.get $n) (i32.const 7))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "call_indirect_open") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (call_indirect $grown (type $open) (local.get $sum) (local.get $n) (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "call_ref_1") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (call_ref $f (local.get $sum) (local.get $n) (global.get $callee)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "call_ref_8") (param $n i32) (result i32)
    (local $sum i32) (local $table (ref $table))
    (local.set $table (array.new_fixed $table 8
      (ref.func $f0) (ref.func $f1) (ref.func $f2) (ref.func $f3) (ref.func $f4) (ref.func $f5) (ref.func $f6) (ref.func $f7)))
    (loop $again
      (local.set $sum (call_ref $f (local.get $sum) (local.get $n) (array.get $table (local.get $table) (i32.and (local.get $n) (i32.const 7)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
