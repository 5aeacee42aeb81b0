"""Which column of a table is which: guessed from its heading in five languages, or told.

A heading is compared without regard to case, accents and what stands between its words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from config.problems import did_you_mean
from gateway.lifecycle import Failure

__all__ = ["COLUMNS", "ERROR_COLUMN", "IGNORE", "Columns", "match", "normal_name", "parse_maps"]

# English, German, Finnish, French, Spanish.
_ALIASES: Final = {
    "number": "number numbers phone phones phone_number phone_no telephone telephone_number tel "
    "mobile mobile_number mobile_phone cell cell_phone msisdn e164 "
    "telefon telefonnummer telefonnr tel_nr rufnummer handy handynummer mobil mobilnummer "
    "mobiltelefon puhelin puhelinnumero puh gsm matkapuhelin kannykka numero "
    "telephone_portable portable numero_de_telephone n_de_telephone no_de_telephone n_telephone "
    "telefono telefono_movil movil celular numero_de_telefono numero_telefono",
    "name": "name contact contact_name full_name customer customer_name "
    "kunde kundenname vollstandiger_name ansprechpartner nimi asiakas asiakkaan_nimi "
    "nom nom_complet client nom_du_client nombre nombre_completo cliente nombre_del_cliente",
    "queue": "queue team warteschlange gruppe jono ryhma file_d_attente equipe cola equipo",
    "reason": "reason subject topic note notes comment comments remark anliegen grund betreff "
    "thema notiz bemerkung kommentar syy aihe huomautus motif sujet objet remarque commentaire "
    "motivo asunto tema nota comentario observaciones",
    "deadline": "deadline due due_by due_date call_before before until frist bis spatestens "
    "maaraaika viimeistaan echeance avant date_limite plazo fecha_limite antes_de",
    "requested_at": "requested_at requested requested_on request_time created created_at "
    "angefragt_am erstellt erstellt_am eingang pyydetty luotu demande_le cree_le date_de_demande "
    "solicitado solicitado_el creado creado_el fecha_de_solicitud",
    "zone": "zone time_zone timezone tz zeitzone aikavyohyke fuseau fuseau_horaire zona_horaria "
    "huso_horario",
    "country": "country country_code iso_country land landeskennung maa maakoodi pays code_pays "
    "pais codigo_pais",
    "subdivision": "subdivision state region province bundesland kanton maakunta departement "
    "etat provincia estado comunidad",
    "preferred": "preferred preferred_windows preferred_window preferred_times preferred_time "
    "window windows best_time times wunschzeit wunschtermin erreichbar erreichbarkeit suits toive "
    "toiveaika horaire horaires creneau creneaux disponibilite horario horarios disponibilidad "
    "hora_preferida",
    "worth": "worth value amount wert betrag umsatz arvo summa valeur montant valor importe",
    "language": "language lang sprache kieli langue idioma lengua",
    "industry": "industry branch branche toimiala secteur sector industria",
    "segment": "segment segmento segmentti",
    "idempotency_key": "idempotency_key key external_id reference ref id request_id referenz "
    "vorgang vorgangsnummer viite viitenumero referencia",
}
COLUMNS: Final = tuple(_ALIASES)
"""The columns an import understands, by their canonical names."""
IGNORE: Final = "ignore"
"""What a column is mapped to that shall be left out."""
ERROR_COLUMN: Final = "error"
"""What a side file adds: read over when it is imported again."""

_CANONICAL: Final = {
    alias: column for column, aliases in _ALIASES.items() for alias in aliases.split()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What each column of a table is, in its order; "" where it is left out.

    ``told`` are the places that were mapped and not guessed.
    """

    names: tuple[str, ...]
    told: frozenset[int] = frozenset()


@lru_cache(maxsize=1024)
def normal_name(name: str) -> str:
    """Return a heading the way it is compared: small letters, words joined by underscores."""
    plain = unicodedata.normalize("NFKD", name.strip().lower())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", "_", plain.replace("ß", "ss")).strip("_")


def match(header: Sequence[str], told: Mapping[str, str]) -> Columns:
    """Say what each column is: what was told about its heading, else what it looks like.

    What was told wins over a guess that says the same of another column. Raises Failure where
    something was told about a heading that is not there or as a column that is not known.
    """
    wanted = {normal_name(heading): _checked(column) for heading, column in told.items()}
    places = {normal_name(name): place for place, name in enumerate(header)}
    for heading, name in zip(told, wanted, strict=False):
        if name not in places:
            known = ", ".join(one.strip()[:30] for one in header if one.strip())
            raise Failure(
                f"There is no column {heading!r} in this file.", f"Its columns are: {known}"
            )
    taken = {column for column in wanted.values() if column}
    names, places_told = [], set()
    for place, heading in enumerate(header):
        name = normal_name(heading)
        if name in wanted:
            places_told.add(place)
            names.append(wanted[name])
        else:
            guess = _CANONICAL.get(name, "")
            names.append("" if guess in taken else guess)
    return Columns(names=tuple(names), told=frozenset(places_told))


def _checked(column: str) -> str:
    name = normal_name(column)
    if name == IGNORE:
        return ""
    name = _CANONICAL.get(name, name)
    if name not in COLUMNS:
        raise Failure(
            f"{column!r} is no column an import knows ({did_you_mean(name, COLUMNS)}).",
            f"Known are: {', '.join((*COLUMNS, IGNORE))}",
        )
    return name


def parse_maps(texts: Sequence[str]) -> dict[str, str]:
    """Read ``--map`` options, ``Heading=column`` each. Raises Failure."""
    told = {}
    for text in texts:
        heading, sign, column = text.rpartition("=")
        if not sign or not heading.strip() or not column.strip():
            raise Failure(
                f"--map {text!r} cannot be read.", 'Write it like --map "Telefon=number".'
            )
        told[heading.strip()] = column.strip()
    return told
