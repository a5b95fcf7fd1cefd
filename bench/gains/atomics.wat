;; Atomic accesses to a shared memory by one thread.
(module
  (memory 1 1 shared)

  (func (export "atomic_load") (param $n i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.atomic.load (i32.and (local.get $n) (i32.const 1020)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "atomic_store") (param $n i32) (result i32)
    (loop $again
      (i32.atomic.store (i32.and (local.get $n) (i32.const 1020)) (local.get $n))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.load (i32.const 8)))

  (func (export "atomic_add") (param $n i32) (result i32)
    (local $sum i32)
    (i32.store (i32.const 1024) (i32.const 0))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.atomic.rmw.add (i32.const 1024) (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "atomic_add_dropped") (param $n i32) (result i32)
    (i64.store (i32.const 1032) (i64.const 0))
    (loop $again
      (drop (i64.atomic.rmw.add (i32.const 1032) (i64.extend_i32_u (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.load (i32.const 1032)))

  (func (export "atomic_add8") (param $n i32) (result i32)
    (local $sum i32)
    (i32.store (i32.const 1040) (i32.const 0))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.atomic.rmw8.add_u (i32.const 1041) (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "atomic_xor") (param $n i32) (result i32)
    (local $sum i32)
    (i32.store (i32.const 1048) (i32.const 0))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.atomic.rmw.xor (i32.const 1048) (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "atomic_exchange") (param $n i32) (result i32)
    (local $sum i32)
    (i32.store (i32.const 1056) (i32.const 0))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.atomic.rmw.xchg (i32.const 1056) (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  (func (export "atomic_cmpxchg") (param $n i32) (result i32)
    (local $old i32)
    (i32.store (i32.const 1064) (i32.const 0))
    (loop $again
      (local.set $old (i32.load (i32.const 1064)))
      (drop (i32.atomic.rmw.cmpxchg (i32.const 1064) (local.get $old) (i32.add (local.get $old) (i32.const 3))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.load (i32.const 1064)))

  (func (export "atomic_spinlock") (param $n i32) (result i32)
    (loop $again
      (loop $spin
        (br_if $spin (i32.atomic.rmw.cmpxchg (i32.const 1072) (i32.const 0) (i32.const 1))))
      (i32.store (i32.const 1076) (i32.add (i32.load (i32.const 1076)) (local.get $n)))
      (i32.atomic.store (i32.const 1072) (i32.const 0))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.load (i32.const 1076))))
