namespace DCCL.Cli.Logs;

/// <summary>Which names columns of a meaning usually have, and which name somebody may have meant.</summary>
internal static class ColumnNames
{
    private static readonly Dictionary<ColumnRole, string[]> _names = new()
    {
        [ColumnRole.User] =
        [
            "user", "userid", "uid", "usr", "username", "customer", "customerid", "client", "clientid", "visitor", "visitorid", "member",
            "memberid", "account", "accountid", "reviewerid", "person", "personid", "session", "sessionid", "student", "studentid",
        ],
        [ColumnRole.Item] =
        [
            "item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "parentasin", "sku", "article", "articleid", "book",
            "bookid", "isbn", "song", "songid", "track", "trackid", "video", "videoid", "content", "contentid", "game", "gameid", "course",
            "courseid", "news", "newsid", "business", "businessid", "artist", "artistid",
        ],
        [ColumnRole.Time] = ["timestamp", "time", "unixtime", "unixreviewtime", "ts", "date", "datetime", "eventtime", "createdat", "when", "reviewtime"],
        [ColumnRole.Rating] = ["rating", "ratings", "score", "stars", "overall", "grade", "vote"],
        [ColumnRole.Label] = ["label", "click", "clicked", "liked", "like", "purchased", "bought", "positive", "taken"],
    };

    /// <summary>What a column of this name usually means.</summary>
    public static ColumnRole GetRole(string name)
    {
        string plain = Simplify(name);
        return _names.FirstOrDefault(entry => entry.Value.Contains(plain)).Key;
    }

    /// <summary>Finds the name that is most like another one; null if none is like it at all.</summary>
    public static string? FindNearest(string name, IEnumerable<string> candidates)
    {
        string plain = Simplify(name);
        (string Name, int Distance)[] found = [.. candidates.Select(candidate => (candidate, GetDistance(plain, Simplify(candidate)))).OrderBy(pair => pair.Item2)];
        return found.Length > 0 && found[0].Distance <= Math.Max(2, plain.Length / 2) ? found[0].Name : null;
    }

    /// <summary>The least number of letters to insert, delete, replace, or swap with the next one (Damerau, Levenshtein).</summary>
    public static int GetDistance(string first, string second)
    {
        int[,] distance = new int[first.Length + 1, second.Length + 1];
        for (int i = 0; i <= first.Length; i++)
        {
            for (int j = 0; j <= second.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    distance[i, j] = i + j;
                    continue;
                }

                int change = first[i - 1] == second[j - 1] ? 0 : 1;
                int least = Math.Min(distance[i - 1, j - 1] + change, 1 + Math.Min(distance[i - 1, j], distance[i, j - 1]));
                bool isSwapped = i > 1 && j > 1 && first[i - 1] == second[j - 2] && first[i - 2] == second[j - 1];
                distance[i, j] = isSwapped ? Math.Min(least, distance[i - 2, j - 2] + 1) : least;
            }
        }

        return distance[first.Length, second.Length];
    }

    private static string Simplify(string name) => new([.. name.Where(char.IsLetterOrDigit).Select(char.ToLowerInvariant)]);
}
