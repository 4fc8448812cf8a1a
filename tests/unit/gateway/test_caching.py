import pytest

from services.gateway.caching import is_named


@pytest.mark.parametrize("header", ['"a-1"', 'W/"a-1"', '"b", "a-1"', 'W/"b",W/"a-1" , "c"', "*", '"x,y", "a-1"'])
def test_a_client_that_has_it_says_so_in_any_form_of_the_rfc(header: str) -> None:
    assert is_named(header, '"a-1"')


@pytest.mark.parametrize("header", [None, "", '"a-2"', "a-1", '"xa-1"', '"a-1', '"b", "c"', '"*"'])
def test_a_client_that_names_another_one_gets_the_content(header: str | None) -> None:
    assert not is_named(header, '"a-1"')
