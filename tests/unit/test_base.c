/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory: the heap's door, the growing buffer, the arena. And the lane that fails every single
 * allocation in turn. The count of live blocks says whether anything was lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

static void assert_holds(const struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->p, text, b->len);
}

static void buf__appends_of_all_kinds__stand_in_order(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(200);
    buf_put(&b, SPAN("ab"));
    buf_put_byte(&b, '|');
    buf_put_text(&b, "cd");
    buf_put_u64(&b, 0);
    buf_put_byte(&b, ',');
    buf_put_u64(&b, UINT64_MAX);
    buf_put_byte(&b, ',');
    buf_put_i64(&b, INT64_MIN);
    buf_put_byte(&b, ',');
    buf_put_i64(&b, INT64_MAX);
    buf_put_u32_le(&b, 0x44434241);
    buf_put_hex(&b, SPAN("\x0f\xa0"));
    buf_put_base64(&b, SPAN("f"));
    assert_int_equal(buf_verdict(&b), OK);
    assert_holds(
        &b, "ab|cd0,18446744073709551615,-9223372036854775808,9223372036854775807ABCD0fa0Zg==");
}

static void buf__empty_appends__allocate_nothing_and_succeed(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(0);
    buf_put(&b, (struct span){NULL, 0});
    buf_put_text(&b, "");
    buf_put_hex(&b, (struct span){NULL, 0});
    buf_put_base64(&b, (struct span){NULL, 0});
    assert_int_equal(buf_verdict(&b), OK);
    assert_null(b.p);
}

static void buf__exactly_its_ceiling__fits(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(300);
    for (int i = 0; i < 300; i++)
        buf_put_byte(&b, 'x');
    assert_int_equal(buf_verdict(&b), OK);
    assert_int_equal(b.cap, 300);
    buf_put_byte(&b, 'x');
    assert_int_equal(buf_verdict(&b), ERR_TOO_LARGE);
    assert_int_equal(b.len, 300);
}

static void buf__append_past_the_ceiling__adds_nothing_and_silences_the_rest(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(5);
    buf_put_text(&b, "abc");
    buf_put_text(&b, "def");
    buf_put_text(&b, "g");
    assert_int_equal(buf_verdict(&b), ERR_TOO_LARGE);
    assert_holds(&b, "abc");
}

static void buf__negative_number_cut_by_the_ceiling__leaves_no_lone_minus(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(4);
    buf_put_text(&b, "ab");
    buf_put_i64(&b, -12);
    assert_int_equal(buf_verdict(&b), ERR_TOO_LARGE);
    assert_holds(&b, "ab");
}

static void buf__huge_reserve__is_too_large_and_does_not_overflow(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(SIZE_MAX);
    buf_put_text(&b, "abc");
    assert_null(buf_reserve(&b, SIZE_MAX - 2));
    assert_int_equal(buf_verdict(&b), ERR_TOO_LARGE);
}

static void buf__commit_of_more_than_reserved__fails_instead_of_reading_past_the_end(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(10);
    assert_non_null(buf_reserve(&b, 4));
    buf_commit(&b, 11);
    assert_int_equal(buf_verdict(&b), ERR_TOO_LARGE);
    assert_int_equal(b.len, 0);
}

static void buf__reset__clears_the_failure_and_keeps_the_memory(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = buf_make(4);
    buf_put_text(&b, "abcd");
    buf_put_byte(&b, 'e');
    const uint8_t *before = b.p;
    buf_reset(&b);
    assert_int_equal(buf_verdict(&b), OK);
    buf_put_text(&b, "wxyz");
    assert_holds(&b, "wxyz");
    assert_ptr_equal(b.p, before);
}

static void buf__take__moves_the_memory_out(void **state)
{
    (void)state;
    struct buf b = buf_make(100);
    buf_put_text(&b, "mine");
    struct bytes taken = buf_take(&b);
    assert_memory_equal(taken.p, "mine", 4);
    assert_int_equal(taken.len, 4);
    assert_null(b.p);
    buf_put_text(&b, "again");
    assert_holds(&b, "again");
    buf_done(&b);
    mem_free(taken.p);
}

static void buf__take_after_a_failure__gives_nothing(void **state)
{
    (void)state;
    struct buf b = buf_make(4);
    buf_put_text(&b, "abc");
    buf_put_text(&b, "def");
    struct bytes taken = buf_take(&b);
    assert_null(taken.p);
    assert_int_equal(taken.len, 0);
}

static void buf__done_on_a_zeroed_one__is_harmless(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_done(&b);
    buf_done(&b);
    assert_null(b.p);
}

static void arena__allocations__are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *a = arena_new(MIB(8));
    uint8_t *last = NULL;
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *p = arena_alloc(a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xaa, size);
        assert_ptr_not_equal(p, last);
        last = p;
    }
}

static void arena__memory_after_a_reset__is_zeroed_again(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *a = arena_new(MIB(1));
    uint8_t *p = arena_alloc(a, 100);
    memset(p, 0xaa, 100);
    assert_non_null(arena_alloc(a, 100000));
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    uint8_t *again = arena_alloc(a, 100);
    assert_ptr_equal(again, p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
}

static void arena__at_its_ceiling__gives_nothing_more(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *a = arena_new(64);
    assert_non_null(arena_alloc(a, 48));
    assert_null(arena_alloc(a, 17));
    assert_non_null(arena_alloc(a, 16));
    assert_null(arena_alloc(a, 1));
    assert_int_equal(arena_used(a), 64);
}

static void arena__lying_sizes__do_not_overflow(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
    assert_null(arena_alloc(a, SIZE_MAX));
    assert_null(arena_alloc(a, SIZE_MAX - 15));
    assert_null(arena_alloc_array(a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc_array(a, (size_t)1 << 33, (size_t)1 << 33));
    assert_int_equal(arena_used(a), 0);
}

static void arena__large_allocations__leave_room_in_the_small_block(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *a = arena_new(MIB(8));
    uint8_t *first = arena_alloc(a, 16);
    assert_non_null(arena_alloc(a, MIB(2)));
    uint8_t *second = arena_alloc(a, 16);
    assert_ptr_equal(second, first + 16);
}

static void arena__dup__copies(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *a = arena_new(32);
    char text[] = "abc";
    struct span copy = arena_dup(a, span_of(text, 3));
    text[0] = 'x';
    assert_true(span_eq_text(copy, "abc"));
    assert_null(arena_dup(a, (struct span){NULL, 0}).p);
    assert_null(arena_dup(a, SPAN("seventeen letters")).p);
}

static void arena__free_of_nothing__is_harmless(void **state)
{
    (void)state;
    int64_t live = mem_live();
    arena_free(NULL);
    mem_free(NULL);
    assert_int_equal(mem_live(), live);
    struct arena *a = arena_new(32); /* and what is something is freed */
    assert_non_null(a);
    assert_int_not_equal(mem_live(), live);
    arena_free(a);
    assert_int_equal(mem_live(), live);
}

static void mem__size_zero_and_overflowing_products__give_nothing(void **state)
{
    (void)state;
    volatile size_t half =
        SIZE_MAX / 2; /* hidden from the compiler, which would refuse the constant */
    assert_null(mem_alloc(0));
    assert_null(mem_alloc_zero(0, 8));
    assert_null(mem_alloc_zero(half, 3));
}

static void mem__realloc_that_fails__keeps_the_old_block(void **state)
{
    (void)state;
    char *p = mem_alloc(4);
    memcpy(p, "abc", 4);
    (void)mem_fail_after(0);
    assert_null(mem_realloc(p, 100));
    assert_null(mem_realloc(p, 0));
    (void)mem_fail_after(-1);
    assert_string_equal(p, "abc");
    mem_free(p);
}

static void mem__fail_after__fails_once_and_counts(void **state)
{
    (void)state;
    (void)mem_fail_after(1);
    void *first = mem_alloc(1);
    void *second = mem_alloc(1);
    void *third = mem_alloc_zero(1, 1);
    assert_int_equal(mem_fail_after(-1), 3);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    mem_free(first);
    mem_free(third);
}

/*
 * Everything in base/ that allocates. Whatever fails, what is there is whole; OK only if nothing
 * failed.
 */
static enum err use_all_of_base(void)
{
    AUTO_ARENA struct arena *a = arena_new(MIB(4));
    AUTO_BUF struct buf b = buf_make(MIB(1));
    if (a == NULL)
        return ERR_NO_MEMORY;
    for (int i = 0; i < 2000; i++) {
        size_t used = arena_used(a);
        struct span copy = arena_dup(a, SPAN("some text of a request"));
        if (copy.len == 0) {
            assert_int_equal(arena_used(a), used);
            return ERR_NO_MEMORY;
        }
        buf_put(&b, copy);
        buf_put_i64(&b, -1234567);
        buf_put_hex(&b, copy);
        buf_put_base64(&b, copy);
        if (i % 500 == 0 && arena_alloc(a, 50000) == NULL)
            return ERR_NO_MEMORY;
    }
    struct bytes big = {arena_alloc_array(a, 1000, 300), 300000};
    if (big.p == NULL)
        return ERR_NO_MEMORY;
    enum err verdict = buf_verdict(&b);
    struct bytes taken = buf_take(&b);
    assert_true((taken.p != NULL) == (verdict == OK));
    mem_free(taken.p);
    return verdict;
}

static void base__each_allocation_failing_in_turn__neither_crashes_nor_leaks(void **state)
{
    (void)state;
    (void)mem_fail_after(-1);
    assert_int_equal(use_all_of_base(), OK);
    int64_t allocations = mem_fail_after(-1);
    assert_true(allocations > 10);
    for (int64_t n = 0; n < allocations; n++) {
        int64_t before = mem_live();
        (void)mem_fail_after(n);
        assert_int_equal(use_all_of_base(), ERR_NO_MEMORY);
        (void)mem_fail_after(-1);
        assert_int_equal(mem_live(), before);
    }
    (void)mem_fail_after(allocations);
    assert_int_equal(use_all_of_base(), OK);
    (void)mem_fail_after(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__appends_of_all_kinds__stand_in_order),
        cmocka_unit_test(buf__empty_appends__allocate_nothing_and_succeed),
        cmocka_unit_test(buf__exactly_its_ceiling__fits),
        cmocka_unit_test(buf__append_past_the_ceiling__adds_nothing_and_silences_the_rest),
        cmocka_unit_test(buf__negative_number_cut_by_the_ceiling__leaves_no_lone_minus),
        cmocka_unit_test(buf__huge_reserve__is_too_large_and_does_not_overflow),
        cmocka_unit_test(buf__commit_of_more_than_reserved__fails_instead_of_reading_past_the_end),
        cmocka_unit_test(buf__reset__clears_the_failure_and_keeps_the_memory),
        cmocka_unit_test(buf__take__moves_the_memory_out),
        cmocka_unit_test(buf__take_after_a_failure__gives_nothing),
        cmocka_unit_test(buf__done_on_a_zeroed_one__is_harmless),
        cmocka_unit_test(arena__allocations__are_zeroed_aligned_and_apart),
        cmocka_unit_test(arena__memory_after_a_reset__is_zeroed_again),
        cmocka_unit_test(arena__at_its_ceiling__gives_nothing_more),
        cmocka_unit_test(arena__lying_sizes__do_not_overflow),
        cmocka_unit_test(arena__large_allocations__leave_room_in_the_small_block),
        cmocka_unit_test(arena__dup__copies),
        cmocka_unit_test(arena__free_of_nothing__is_harmless),
        cmocka_unit_test(mem__size_zero_and_overflowing_products__give_nothing),
        cmocka_unit_test(mem__realloc_that_fails__keeps_the_old_block),
        cmocka_unit_test(mem__fail_after__fails_once_and_counts),
        cmocka_unit_test(base__each_allocation_failing_in_turn__neither_crashes_nor_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
