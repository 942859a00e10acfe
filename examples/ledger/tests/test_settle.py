from ledger import Expense, Transfer, balances, settle


def test_nothing_to_settle():
    assert settle({}) == []
    assert settle({"ann": 0}) == []


def test_one_pays_the_other():
    assert settle({"ann": 500, "bob": -500}) == [Transfer("bob", "ann", 500)]


def test_largest_debtor_pays_first():
    totals = {"ann": 700, "bob": -200, "cem": -500}
    assert settle(totals) == [Transfer("cem", "ann", 500), Transfer("bob", "ann", 200)]


def test_one_debtor_two_creditors():
    totals = {"ann": 300, "bob": 100, "cem": -400}
    assert settle(totals) == [Transfer("cem", "ann", 300), Transfer("cem", "bob", 100)]


def test_balances_add_up_to_zero():
    trip = [
        Expense("ann", 1000, ["ann", "bob", "cem"], "fuel"),
        Expense("bob", 4550, ["ann", "bob"], "room"),
    ]
    assert sum(balances(trip).values()) == 0


def test_payer_outside_the_group():
    assert balances([Expense("ann", 400, ["bob"])]) == {"ann": 400, "bob": -400}
