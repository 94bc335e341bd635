import { describe, expect, it } from 'vitest';
import { shaCryptRounds, verifyShaCrypt } from './sha-crypt.ts';

/** From the specification where it has them, else made by glibc. */
const KNOWN: readonly (readonly [password: string, hash: string])[] = [
  ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  [
    'a very much longer text to encrypt.  This one even stretches over morethan one line.',
    '$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1',
  ],
  ['', '$5$salt$HrcUzzoef72uxM/YhTU5BAi419Fblqlq//zyM.rIOG0'],
  ['pässwörd', '$5$x$Mf0xB8lGxJG3Vu9eJMicE4lrLk3adpWzOQ3sofvKXx3'],
  [
    'Hello world!',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  [
    'Hello world!',
    '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  [
    'x'.repeat(200),
    '$6$abc$9bIqFS3gcEah7ONB5aYjFczb7Fkaut01.W86FsbxH3PnKOS.T6QNYs7qzjm/MziNMzBBXqOaoSNUc4PtFnUj0.',
  ],
];

describe('verifyShaCrypt', () => {
  it.each(KNOWN)('knows the password %j by %s', (password, hash) => {
    expect(verifyShaCrypt(password, hash)).toBe(true);
    expect(verifyShaCrypt(`${password}x`, hash)).toBe(false);
  });

  it('takes nothing for a hash that is none', () => {
    const [[password, hash] = ['', '']] = KNOWN;
    for (const broken of ['', '$5$', hash.slice(0, -1), hash.replace('$5$', '$6$'), `${hash}x`, `x${hash}`]) {
      expect(verifyShaCrypt(password, broken)).toBe(false);
      expect(shaCryptRounds(broken)).toBeUndefined();
    }
  });
});

describe('shaCryptRounds', () => {
  it('is what the hash says, or 5000', () => {
    expect(KNOWN.map(([, hash]) => shaCryptRounds(hash))).toEqual([
      5000, 10000, 1400, 5000, 5000, 5000, 10000, 5000,
    ]);
  });
});
