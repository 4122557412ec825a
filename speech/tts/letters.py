"""Letters -> phones by rules of our own, for every word that the dictionary has not.

The rules are ordered and see the letters left and right, in the manner of Elovitz, Johnson, McHugh and Shore 1976 (NRL
Report 7948); the table is ours. Stress is then placed by endings and weight, and vowels without stress are weakened.
Tuned on a random half of CMUdict's words; of the other half, 62,463 words and many of them names, 12.9 % of the phones
are wrong (Levenshtein distance a phone, stress aside), 49.6 % of the words are all right, and where the number of
vowels is right, 83.6 % have their primary stress where CMUdict has it.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from speech.tts.dictionary import spelled
from speech.tts.spoken import VOWELS, Phone

CLASSES = {  # what a capital stands for in a rule
    "V": "[aeiouy]",
    "C": "[bcdfghjklmnpqrstvwxz]",
    "D": "[bcdfgklmnpstvz]",  # a consonant that leaves the vowel before it alone
    "F": "[eiy]",
    "E": "(?:e(?:'?s|d|rs?|ly|ments?|less|ful|ness)?(?:'s?)?$|ing(?:s|ly)?$)",  # a silent e, or what replaces it
    "L": "(?:[aiou]|[aiou]'?s)$",  # ends as words from Latin languages and Japanese do
}

# left<letters>right=PHONES, the contexts regular expressions; of the rules for a letter the first that fits is taken
RULES = r"""
^<a>$=AH  <a>(?:'?s)?$=AH  b<a>ch=AA  <a>hl=AA  l<augh>=AE_F  <augh>=AO  <au>(?:er|$|m|sV|ss|s$)=AW  ^<au>[gs]=AO
<aux>$=OW  <au>=AO  <aw>ay=AH_W  <aw>[ai]=AA_W  <aw>=AO  (?:moun|foun|cap|cer|cur|bri)<ai>n=AH  <ai>r=EH  <ai>$=AY
<ai>=EY  <ayo>r=EY  <ay>=EY  ^<ae>=EH  <ael>$=AH_L  <ae>=EY  <aa>=AA  <al>k=AO  ^C?<a>l[dt]=AO  ^C*<a>ll$=AO
<al>ms?$=AA  [ch]<al>[fv]=AE  <ally>$=AH_L_IY  [aeiou]C+<al>(?:s|'s)?$=AH_L  w<are>$=EH_R  w<ard>s?$=ER_D
w<ards>$=ER_D_Z  [^k]w<a>r=AO  ^w<a>[tsl]=AO  qu<a>(?:[nlt]|sh)=AA  ^C?w<a>(?:nd|n$|nt|sh|sp|tch|dd)=AA
[aeiou]C+<ary>$=EH_R_IY  [aeiou]C+<aries>$=EH_R_IY_Z  [aeiou]C+<arily>$=EH_R_AH_L_IY  C<a>rr[aiyo]=EH  C<a>rro=AE
<are>(?:[ds]?$|s)=EH_R  <a>ri$=AA  C<a>r[ie]=EH  <a>rL=AA  <a>rVE=EH  <ar>[aou]=AA_R  <a>r[aou]=EH  <ar>=AA_R
^C*<a>ng(?:E|el)=EY  ^C*<a>ste$=EY  [aeiou]C+<a>geE=IH  [aeiou]C+<age>=IH_JH  ^C*<a>bl(?:e|y)=EY  <a>bl=AH
<a>t(?:io|ie|ia|iu)=EY  <a>ci(?:a|o)=EY  <a>Di[aoue]=EY  <a>nea=EY  <a>t(?:or|ors|ive|ively)$=EY  C+<a>teE=EY
^C+<a>ther=AA  <a>DE=EY  ^C*<a>DL=AA  ^C*<a>D(?:er|ers|y|or|ors|al|ous|en|on|el)(?:'s)?$=EY  <a>VC=AE
^C*<a>ll?[aio]=AE  ^C*<a>CCL=AE  <a>[bcdfgklmnprstvz]+L=AA  [aeiou]C*l<a>nds?$=AH  <a>=AE

<bb>=B  m<b>(?:s?$|s|[^aeiourly]|ing$|ed$|er$)=  <bt>$=T  <b>=B

s<c>[ei]=  s<cz>=CH  <c>es$=S_IH  <ce>'s$=S_IH  <cch>=K  <cci>(?:[ao]|$)=CH_IY  <cc>[ei]=K_S  <cc>=K  <ckh>=K_HH
<ck>=K  <cqu>=K_W  <cz>=CH  <cy>$=S_IY  <chr>=K_R  <chl>=K_L  <ch>n=K  <cht>=K_T  (?:ba|ei|ri?a)<ch>=K  r<ch>s$=K
<cch>=K  <ch>ia=K  ar<ch>[aio]=K  o<ch>s$=K  <chn>=K_N  te<ch>(?:$|'|s)=K  s<ch>[oe]=K
^<ch>(?:lor|em|or[aud]|ao|ar[a])=K  e<ch>[no]=K  o<ch>$=K  <ch>s$=K  <chm>=K_M  <ch>=CH  <ction>=K_SH_AH_N
[^s]<ci>[aou]=SH  <ce>[ao][nu]=SH  <ci>$=CH_IY  <c>F=S  <c>=K

<dd>=D  <dg>F=JH  <dge>=JH  <dj>=JH  <dt>$=T  <dt>(?:'s|s|ke)=T  <d>=D

<eigh>t?=EY  <ei>r=EH  c<ei>=IY  s<ei>[vz]=IY  <ei>$=EY  n<ei>gh=EY  <ei>g=AY  <ein>=AY_N  <ei>=AY  <eaux?>=OW
br<ea>k=EY  ^gr<ea>t=EY  ^r<ea>(?:ss|c|d[jm])=IY_AH  <ea>(?:'?s)?$=IY_AH  ^b<ear>=EH_R  h<ear>t=AA_R  <ear>[ldnhct]=ER
<ear>=IH_R  <ead>(?:$|y|s$|l|i|e[dnr]|w|b|s|q|f)=EH_D  <ea>(?:sur|lth)=EH  <ea>th(?:er|$)=EH  h<ea>v[ye]=EH  <ea>=IY
<eer>=IH_R  <ee>=IY  [rjlsdtn]<ew>=UW  <ew>ski=EH_F  <ew>=Y_UW  [rjlsdtn]<eu>=UW  <eu>r=Y_UH  ^<eu>=Y_UW  <eu>=OY
m<ey>er=AY  <eye>=AY  <ey>(?:'?s)?$=IY  <ey>=EY  <eo>=IY_OW  C<e>$=  C<e>'?s$=  [td]<ed>$=IH_D  [fkpsxchq]<ed>$=T
C<ed>$=D  [rvlnswg]<edly>$=D_L_IY  <er>e$=IH_R  <err>=EH_R  ^z<er>o=IH_R  <er>i(?:al|an|ou|um|a)=IH_R  <er>at=ER
<er>[aiouy]=EH_R  <er>=ER  [sczgx]<es>$=IH_Z  [sc]h<es>$=IH_Z  C<es>$=Z  <el>$=AH_L  <en>(?:'?s|ed|ing)?$=AH_N
[ln]<ess>=AH_S  <els>$=AH_L_Z
C<e>(?:ly|ment|ments|less|ness|ful|fully|man|land|ton|wood|field|work|way|side|house|board|town)$=
^(?:b|d|r|pr)<e>[bcdfgjklmnpqrstvwz]V=IH  ^C*<e>$=IY  ^r<e>con=IY  <e>l(?:ed|ing|er)$=AH  ^C*<e>DE=IY  <e>neE=IY
<e>teE=IY  <e>[bcdfglmnpstvz]L=EH  <e>[cdnt]i[aou]=IY  ^C+<e>C(?:al|us|ous|y)=IY  ^<e>xtr=EH  ^<e>x=IH
^<e>(?:mp?l|l[aeiou]|m[aeiou]|v[aeiou]|r[ao]|n[aou])=IH  (?:ei|ri|de|[lr]in|ck|t)<e>nb=AH  <e>ne(?:'?s)?$=IY  <e>=EH

<ff>=F  <f>=F

<ght>=T  V<gh>=  <gh>=G  ^<gn>=N  <gn>$=N  <gm>$=M  u<gge>=JH_EH  <gg>=G  <ge>$=JH  <ge>[do]=JH  <ge>'?s$=JH_IH
<g>e(?:ly|ment)$=JH  ^<g>(?:eist|et|ear|eld|ib[bs]|ift|il|ir|iv|er[shbw])=G  n<g>$=  <gu>[ei]=G  [nr]a<g>er=JH
te<g>er=JH  [lm]er<g>er=JH  [ae]n<g>er=JH  (?:arg|harg|erg|org)<g>er=JH  [aeiourl]<g>er=G  [oyal]l?[oay]<g>en=JH
[aeiour]<g>en$=G  [eio]<g>el$=G  rm<g>=G  <g>F=JH  <g>=G

^<h>=HH  V<h>(?:C|'?s?$)=  [gk]<h>=  ^r<h>=  [^e]r<h>=  <h>=HH

<igh>=AY  <ign>(?:$|e|s|m)=AY_N  <ier>s?$=IY_ER  <iest>$=IY_AH_S_T  ^C*<ied>$=AY_D  (?:f|pl)<ied>$=AY_D
^C*<ies>$=AY_Z  (?:f|pl)<ies>$=AY_Z  <ier>[^aeiouy]=IH_R  C<ie>[slfvnrpkdg]=IY  <iew>=Y_UW  <ie>t=AY_AH  <ie>=IY
<irr>=IH_R  ^f<ire>=AY_ER  <ire>[sd]?$=AY_R  <ir>[aeio]=IH_R  <ir>=ER  <i>nds?$=AY  ^C*<i>lds?$=AY  <iou>s=IY_AH
ll<io>n=Y_AH  ^[bd]<i>[aou]=AY  <i>[aou]=IY  ^<i>$=AY  <i>(?:'s)?$=IY  <i>zE=AY  <ise>[ds]?$=AY_Z
<isme?>s?$=IH_Z_AH_M  <ique>=IY_K  ^m<i>cr=AY  [lmtn]<i>(?:ke|me)[ds]?$=AY  <i>CeC?$=AY  <ide>s?$=AY_D  <ine>$=AY_N
<ite>s?$=AY_T  <ive>=IH_V  <ice>$=IH_S  ^C*<i>DE=AY  ^C*<i>D(?:er|al|on|us|ous)$=AY  <i>[bcdfgklmnprstvz]L=IY
<ing>$=IH_NG  <i>=IH

<j>=JH

^<kn>=N  <kk>=K  <kh>=K  <k>=K

<ll>=L  C<le>$=AH_L  C<le>(?:s|d)$=AH_L  C<le>m=AH_L  <l>=L

<mm>=M  <mn>$=M  ^<mc>[ckgq]=M_AH  ^<mc>[aeiou]=M_AE_K  ^<mc>=M_AH_K  <mb>(?:'?s)?$=M  <m>=M

<nn>=N  <ng>$=NG  <ng>[s'h]=NG  <ng>ly$=NG  <ngle>$=NG_G_AH_L  <ngle>[ds]$=NG_G_AH_L  <ngl>=NG_G_L
<ng>(?:er|ed|ing)=NG  <ng>[bcdfhjkmpstvwz]=NG  e<n>gel=NG  <ng>[aour]=NG_G  <nk>=NG_K  <nx>=NG_K_S
<nction>=NG_K_SH_AH_N  <nct>=NG_K_T  <n>=N

<oa>r=AO  <oa>$=OW_AH  <oa>=OW  <oe>=OW  <oi>ng$=OW_IH  <oi>=OY  <oy>=OY  <ook>=UH_K  w<oo>d=UH  <oo>r=UH
<oo>d[^l]?$=UH  [bf]l<oo>d=AH  w<oo>l=UH  f<oo>t=UH  g<oo>d=UH  <oo>=UW  <ought>=AO_T  ^th<ough>=OW  r<ough>$=OW
t<ough>=AH_F  <ough>=AH_F  <our>=AO_R  <ouse>=AW_S  <ous>=AH_S  <ould>=UH_D  <oup>=UW_P  <ou>$=UW  C<oul>[ie]=UW_L
<ou>=AW  <ow>sk=AO_F  <owicz>=AH_V_IH_CH  ^C*<ow>$=OW  [lg]<ow>[ne]=OW  r<ow>ns?$=AW  sn<ow>=OW  [^dtrc]<ow>n=OW
<ow>e?(?:'?s)?$=OW  <ow>=AW  w<or>[dkmst]=ER  <or>(?:'?s)?$=ER  <orr>=AO_R  <or>s'$=ER  [aeiou]C<or>(?:at|iz)=ER
<or>=AO_R  ^<o>'=OW  ^r<o>se=OW  ^h<o>me=OW  ^<o>DV=OW  <o>ld=OW  <o>st=OW  [^aeiou]{2}<o>ll=OW  <o>lt=OW
<ons?>$=AH_N  <o>ss=AO  <o>ng=AO  <o>ff=AO  <os>$=OW_Z  <o>(?:'?s)?$=OW  <o>DE=OW  <o>C?i[aou]=OW
<o>[bcdfgklmnprstvz]L=OW  j<oh>n=AA  <oh>=OW  ^p<o>ly=AA  ^C*<o>D(?:al|y|e[nr]|us|a|in|ent)=OW  <ome>$=AH_M
<o>ther=AH  ^C*<o>ve=AH  m<o>n[ek]y?=AH  ^C?<o>ne$=AH  <o>vV=OW  ^C*<o>D(?:ic|id|il|it)=AA  ^C+<o>DV=OW
<o>l[sckmbgz]=OW  <o>=AA

<pp>=P  <ph>=F  ^<ps>=S  ^<pf>=F  ^<pn>=N  <p>=P

<qu>E=K  <que>$=K  <qu>=K_W  <q>=K

<rr>=R  <rh>=R  <r>=R

t<sch>=CH  <sch>=SH  <sh>'s$=SH_IH  <sh>=SH  <ssio>=SH_AH  <ssu>[ae]=SH_UW  <ss>=S  <sce>=S_EH  <scia>=SH_AH  <sz>=SH
V<sio>n=ZH_AH  <sio>n=SH_AH  V<sur>e?=ZH_ER  V<su>al=ZH_UW  <sm>s?$=Z_AH_M  ^<s>=S  V<s>es?$=Z  V<s>ed$=Z
[ou]<s>[ei]V*C=Z  te<s>'?$=S  [pkf]e<s>'?$=S  pre<s>=Z  [bdgvlmnrwye]<s>'?$=Z  s<s>$=  [aiou]<s>'$=Z  a<s>$=Z
[iu]<s>$=S  <s>man=S  V<s>m=Z  <s>=S

<tt>=T  <tsch>=CH  <tch>=CH  <tio>u=SH  <tio>=SH_AH  <tiat>=SH_IY_EY_T  <tia>=SH_AH  <tie>n=SH_AH  <ture>=CH_ER
V<tur>[ea]=CH_ER  <tu>[ao]=CH_UW  ^<th>(?:e[mnsryi]|is|at|ough)=DH  V<th>(?:er|e$|ing$)=DH  <th>=TH  s<t>(?:le|en)$=
s<t>le=  <t>=T

^<uni>=Y_UW_N_AH  ^<un>=AH_N  ng<u>[aeio]=W  <uy>=AY  <ui>[tsc]=UW  ^g<u>F=  <ue>(?:'?s)?$=UW  b<ur>(?:y$|ies)=EH_R
<urr>=ER  [rjls]<ur>[aeiouy]=UH_R  <ur>[aeiou]=Y_UH_R  <ur>=ER  <u>la[rt]=Y_AH  [rljsdtn]<u>DV=UW  <u>DV=Y_UW
<u>s$=AH  <um>$=AH_M  <u>[bcdfgklmnprstvz]*L=UW  <u>(?:'?s)?$=UW  q<u>=  <u>V=UW  <u>th$=UW  b<u>sh=UH
[bpf]<u>ll(?:$|e|i|s)=UH  p<u>sh=UH  f<ully>$=AH_L_IY  f<ul>=AH_L  <u>=AH

<vv>=V  <v>=V

<wh>o=HH  <wh>=W  ^<wr>=R  <w>C=  V<w>$=  <w>=W

u<x>$=  ^<x>=Z  ^e<x>V=G_Z  <xc>F=K_S  <x>=K_S

^<y>V=Y  ^C*<y>$=AY  ^ps<y>ch=AY  ff<y>=IY  f<y>=AY  <y>(?:'?s)?$=IY  <y>C?E=AY  V<y>V=Y  <yr>=IH_R
^(?:h|t|d|c)<y>=AY  <y>V=Y  <y>=IH

t<zz>=S  <zes>$=Z_IH_Z  <zz>=Z  t<z>$=S  t<z>[^e]=S  <z>=Z

[szx]<'s>=IH_Z  ch<'s>=IH_Z  [ptkf]e?<'s>$=S  <'s>$=Z  <'>=
"""

ENDINGS = re.compile(  # that move no stress
    "(?:'s|s'|(?<=[^uis'])s|ings?|ed|ly|ness|less|ful|fully|ments?|(?<!i)er|man|men|ship|s[eo]n|ton|b[eu]rg|b[eu]rger"
    "|stein|bach|field|ville|land|ward|worth|ford|house|wood|stock|most)$"
)
STRESSED = """
(?:[cstx]i|ge|gi|tu)(?:on|an|al|ous|ent|ence|a)$ 2
(?:[st]ion)(?:al|ally|ary|ist|ate|ize|at|iz)$ 3
ics?$|iche$ 2
(?:ette|e[ea]u?r|een|ese|ique|oon|aire|^C*VC+eaux?)$ 1
i(?:a|o|al|an|ous|um|us|ent|ence|er|ed|es)$ 3
at(?:or|ory|ive)$ 4
i[sz]ms?$ 4
ate?$|i[sz](?:e|es)?$|[aiu]ble$|[ie]ty$|ify$|[aeou]ry$|logy$|graphy$|[aeiou]C(?:ine|one)$ 3
[aiou]$|sky$ 2
(?:ez|os|as|ona|ive|ives)$ 2
"""  # how a stem ends, and which vowel from its end is stressed
PREFIXES = re.compile(  # without stress in words of two syllables
    "mc|un|dis|ex|im[^e]|redu|re[fsvptcm]|de[fstvcpm]|a[bdfp][^b]|ob|be(?:[cghstw][aeiou]|fo|lie|lo|ne|tr|tw)|app|acc"
    "|ass|af|ag?l[^lbmtds]|con[^nr]|com[^m]|sub|ins|inv|ent|enc|enf|o'|pre|pro[^cbdg]|van|sus|au?t[^h]"
)
HEAVY = re.compile("[^aeiouy'][^aeiouylr']")
CLOSED = re.compile("[^aeiouy]{2}")
WEAK = {"AE": "AH", "EH": "AH", "AA": "AH", "IH": "AH"}
STRONG_LAST = re.compile("(?:c|x|g|b|p|sh|tt|ll|f|ss|ng|nk|k|z|v|ld)")  # after a last vowel that stays as it is
WEAK_I = re.compile("t[yieo]|l[yi]|n[aeo]|zat|[cf]at|f[iy]|b|m[ae]")  # after an i that does not
WEAK_R = re.compile("r(?:s|ds?|ly|'s)?$")
FULL = set(VOWELS) - {"AH", "ER", "IH", "IY", "UW"}  # vowels that have secondary stress beside a stressed syllable


class Rule(NamedTuple):
    """`letters` with their right context; `left`, what stands before them, None if anything may."""

    left: re.Pattern[str] | None
    letters: re.Pattern[str]
    phones: tuple[str, ...]


class Sound(NamedTuple):
    """A phone's name, which letters a rule read it from and where they begin."""

    name: str
    at: int
    letters: str


def letter_to_sound(word: str) -> tuple[Phone, ...]:
    """How `word` is said by the rules; one without a vowel is spelled, and apostrophes alone are silent.

    Raises:
        ValueError: it is empty, or has other signs than letters a to z in lower case and apostrophes.
    """
    if not re.fullmatch("[a-z']+", word):
        raise ValueError(f"word: given {word!r}, wanted letters a to z and apostrophes")
    sounds = _sounds(word)
    vowels = [i for i, sound in enumerate(sounds) if sound.name in VOWELS]
    if not vowels:
        return spelled(word)
    main = _primary(word, [sounds[i].at for i in vowels])
    return _stressed(_weakened(word, sounds, vowels, main), main)


def _regex(context: str) -> str:
    return re.sub("[A-Z]", lambda found: CLASSES[found[0]], context)


@lru_cache
def _rules() -> dict[str, list[Rule]]:
    """By the first of their letters."""
    table: dict[str, list[Rule]] = {}
    for text in RULES.split():
        context, _, said = text.rpartition("=")
        left, rest = context.split("<", 1)
        letters, right = rest.split(">", 1)
        before = re.compile(f"(?:{_regex(left)})$") if left else None
        rule = Rule(before, re.compile(f"{letters}(?={_regex(right)})"), tuple(said.split("_")) if said else ())
        table.setdefault(letters[0], []).append(rule)
    return table


def _fits(rule: Rule, word: str, at: int) -> re.Match[str] | None:
    found = rule.letters.match(word, at)
    return found if found and (not rule.left or rule.left.search(word, 0, at)) else None


def _sounds(word: str) -> list[Sound]:
    at, sounds = 0, list[Sound]()
    while at < len(word):
        rule, found = next((r, f) for r in _rules()[word[at]] if (f := _fits(r, word, at)))
        for name in rule.phones:
            if name in VOWELS or not sounds or name != sounds[-1].name:  # nobody says a consonant twice
                sounds.append(Sound(name, at, found[0]))
        at = found.end()
    return sounds


# Stress


@lru_cache
def _endings() -> list[tuple[re.Pattern[str], int]]:
    rows = [line.rsplit(" ", 1) for line in STRESSED.strip().splitlines()]
    return [(re.compile(_regex(ending)), int(vowel)) for ending, vowel in rows]


def _stem(word: str, at: list[int]) -> str:
    """`word` without up to two endings that move no stress, as long as a vowel is left."""
    for _ in range(2):
        short = ENDINGS.sub("", word)
        if len(short) < 3 or at[0] >= len(short):
            break
        word = short
    return word


def _primary(word: str, at: list[int]) -> int:
    """Which of the vowels has primary stress; `at`, where their letters begin."""
    stem = _stem(word, at)
    n = sum(place < len(stem) for place in at)
    for ending, vowel in _endings():
        if n > 1 and ending.search(stem):
            return max(0, n - vowel)
    if n < 3:
        return int(n == 2 and PREFIXES.match(word) is not None)
    return n - 2 if HEAVY.match(word, at[n - 2] + 1) else n - 3


def _weakened(word: str, sounds: list[Sound], vowels: list[int], main: int) -> list[str]:
    names = [sound.name for sound in sounds]
    for place, i in enumerate(vowels):
        if place == main or (place < main and (main - place) % 2 == 0):  # the rhythm gives these a stress
            continue
        names[i] = _weak(word, sounds[i], first=place == 0, last=place == len(vowels) - 1)
        if names[i] == "ER" != sounds[i].name:
            names[i + 1] = ""  # its R
    return [name for name in names if name]


def _weak(word: str, sound: Sound, *, first: bool, last: bool) -> str:
    """What becomes of a vowel without stress; only short ones change, written with one letter or with an r."""
    name, at, letters = sound
    rest = word[at + 1 :]
    if letters in ("ar", "or", "er"):
        weak = letters == "er" or (last and not first and WEAK_R.match(rest))
        return "ER" if weak else name
    if len(letters) > 1 or letters == "u" or (last and STRONG_LAST.match(rest)):
        return name
    if letters == "i" and (first or last or not WEAK_I.match(rest)):
        return name
    if letters in "aeo" and ((first and letters == "e") or (not last and at and CLOSED.match(rest))):
        return name
    return WEAK.get(name, name)


def _stressed(names: list[str], main: int) -> tuple[Phone, ...]:
    """With primary stress on vowel number `main`, and secondary on full vowels that are not right before it."""
    said, place = list[Phone](), -1
    for name in names:
        place += name in VOWELS
        stress = 0
        if name in VOWELS:
            secondary = name in FULL and place != main - 1 and not (name == "OW" and place > main)
            stress = 1 if place == main else 2 * secondary
        said.append(Phone(name, stress))
    return tuple(said)
